"""`manage.py replay`: rebuild contexts from the signals of the store."""

import sys
import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from contexts.replay_models import ReplayRun
from contexts.selectors.digests import digest_contexts
from contexts.services.replay_runs import OtherRunUnfinished, Replay, open_run
from contexts.services.replay_signals import GROUP, TOPIC
from revctx.api.errors import ApiError
from revctx.api.times import parse_instant
from revctx.eventbus import workitems

MAX_OPEN_ITEMS = 10_000
_BAR = 30


class Command(BaseCommand):
    """Let signals count that have not yet, then rebuild buckets, bands and scores."""

    help = (
        "Rebuild ledger, buckets, bands and scores from the signals received in a range. Runs beside live "
        "traffic, counts nothing twice, and goes on where it was stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the range of receipt and the way."""
        parser.add_argument("--from", dest="since", help="first moment of receipt; without: the first signal")
        parser.add_argument("--to", dest="until", help="end of receipt; a bare date means its end")
        parser.add_argument(
            "--topic",
            choices=[TOPIC],
            default="",
            help="hand the signals to the context engine as work items instead of counting them here",
        )
        parser.add_argument("--again", action="store_true", help="give up an unfinished replay")
        parser.add_argument("--digest", action="store_true", help="print a hash of the state at the end")
        parser.add_argument("--progress", action="store_true", help="draw a bar though nobody watches")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, drawing a bar, and print what was found."""
        since, until = _instant(options["since"], end_of_day=False), _instant(options["until"])
        if since and until and since >= until:
            raise CommandError("--from must be before --to")
        try:
            run, goes_on = open_run(
                since=since, until=until, topic=options["topic"], again=options["again"], now=timezone.now()
            )
        except OtherRunUnfinished as error:
            message = f"Replay {error} of another range is unfinished: repeat its arguments, or add --again."
            raise CommandError(message) from error
        if goes_on:
            self.stdout.write(f"Going on with replay {run.pk} of {run.started_at:%Y-%m-%d %H:%M} UTC.")
        run = self._carry_out(run, is_drawn=options["progress"] or sys.stderr.isatty())
        self._say(run)
        if options["digest"]:
            for name, value in digest_contexts().items():
                self.stdout.write(f"{name} {value}")
        if run.deviating:
            raise CommandError(
                f"{run.deviating} ledger rows do not follow from their signals. The ledger is append-only: "
                "restore it from a backup, or put other half-lives into use, which makes a new one."
            )

    def _carry_out(self, run: ReplayRun, *, is_drawn: bool) -> ReplayRun:
        replay = Replay(run_id=run.pk, clock=timezone.now)
        while run.finished_at is None:
            while run.topic and workitems.count_open(group=GROUP, at_most=MAX_OPEN_ITEMS) >= MAX_OPEN_ITEMS:
                time.sleep(1)  # the engine comes first; it is told of more when it has caught up
            run = replay.step()
            if is_drawn:
                self._draw(run, replay.share_done(run))
        if is_drawn:
            self.stderr.write("")
        return run

    def _draw(self, run: ReplayRun, share: float) -> None:
        share = 1.0 if run.finished_at else share
        bar = "█" * round(share * _BAR)
        count = run.accounts if run.phase == ReplayRun.Phase.ACCOUNTS else run.looked_at
        self.stderr.write(f"\r{run.phase:<8} {bar:·<{_BAR}} {share:4.0%}  {count:,} ", ending="")
        self.stderr.flush()

    def _say(self, run: ReplayRun) -> None:
        if run.topic:
            self.stdout.write(f"{run.handed_over} work items handed over; the workers do the rest")
            return
        self.stdout.write(f"{run.looked_at} signals looked at, {run.counted} of them had not counted yet")
        self.stdout.write(f"{run.accounts} accounts rebuilt, {run.mended} of them mended")


def _instant(text: str | None, *, end_of_day: bool = True) -> datetime | None:
    if not text:
        return None
    try:
        return parse_instant(text, end_of_day=end_of_day)
    except ApiError as error:
        raise CommandError(f"{text!r} is no moment: {error.message}") from error
