"""`manage.py evaluate_ranking --as-of DAY`: hold past rankings against what was won afterwards."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contexts.selectors import get_active_configs
from laboratory.ranking import OutcomeResult, RankingResult, Setup, rank_accounts, separate_outcomes
from laboratory.ranking_report import print_markdown, to_json
from laboratory.source import read_histories
from revctx.api.errors import Unprocessable
from revctx.api.times import parse_instant


class Command(BaseCommand):
    """Ranks accounts by the active configuration as of past instants; it reads and changes nothing."""

    help = "Compare rankings as of past instants with the deals won afterwards, beside two plain baselines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--as-of",
            action="append",
            required=True,
            metavar="TIME[..TIME]",
            help="rank by what had occurred by then (a bare day: its end, UTC); the end of the time to "
            "compare with may follow; may be given several times",
        )
        parser.add_argument(
            "--horizon-days", type=float, default=91, help="time to compare with, if not given"
        )
        parser.add_argument("--source", default="", help="signals of this source alone")
        parser.add_argument("--value", default="value", help="attribute with the worth of a closed deal")
        parser.add_argument("--top", type=int, default=20, help="accounts whose lift is measured")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--resamples", type=int, default=2000, help="bootstrap samples of accounts")
        parser.add_argument(
            "--undamped", action="store_true", help="set negative evidence aside, to see what it does"
        )
        parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read every history once, rank, compare, print."""
        if settings.EXECUTION_MODE == "laboratory":
            raise CommandError(
                "evaluate_ranking reads the active configuration, which laboratory mode can't."
            )
        if min(options["top"], options["resamples"]) < 1:
            raise CommandError("--top and --resamples must be at least 1.")
        decay, weight = get_active_configs()
        if options["undamped"]:
            weight = replace(weight, damping={}, lifting={})
        setup = Setup(
            decay=decay,
            weight=weight,
            top=options["top"],
            seed=options["seed"],
            resamples=options["resamples"],
        )
        windows = [_read_window(text, timedelta(days=options["horizon_days"])) for text in options["as_of"]]
        histories = read_histories(
            decay_version=decay.version, source=options["source"], value=options["value"]
        )
        try:
            rankings = [
                rank_accounts(histories, as_of=as_of, until=until, setup=setup) for as_of, until in windows
            ]
            outcomes = separate_outcomes(histories, setup=setup)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self._print(rankings, outcomes, as_json=options["json"])

    def _print(self, rankings: list[RankingResult], outcomes: OutcomeResult, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(to_json(rankings, outcomes), indent=2))
            return
        for line in print_markdown(rankings, outcomes):
            self.stdout.write(line)


def _read_window(text: str, horizon: timedelta) -> tuple[datetime, datetime]:
    start, _, end = text.partition("..")
    try:
        as_of = parse_instant(start)
        return as_of, parse_instant(end) if end else as_of + horizon
    except Unprocessable as error:
        raise CommandError(f"--as-of {text}: {error.message}") from error
