"""`python -m benchmarks`: measure, print the table, write the results. `make bench` calls it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine, report
from benchmarks.catalogue import MEASURES, Measure, UnknownMeasure, choose
from benchmarks.figures import Figure
from benchmarks.stand import Sizes, Stand


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="MEASURE", help="; ".join(measure.name for measure in MEASURES)
    )
    parser.add_argument(
        "--small", action="store_true", help="sizes of a smoke test; the figures mean nothing"
    )
    parser.add_argument("--events", type=int, help="audit.verify: events to verify (default 200,000)")
    parser.add_argument("--signals", type=int, help="context.*: signals (default of each: the README)")
    parser.add_argument("--accounts", type=int, help="context.rescore: accounts (default 100,000)")
    parser.add_argument("--output", type=Path, help=f"default {report.RESULTS.name}; none with --small")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for; return 1 if a target was missed, which --small does not judge."""
    options = parse(arguments)
    try:
        chosen = choose([name for given in options.names for name in given.split(",") if name])
    except UnknownMeasure as error:
        sys.stderr.write(f"{error}\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    output = options.output or (None if options.small else report.RESULTS)
    # Another stack's variables are not for us, except for the real broker that somebody offers.
    given_broker = os.environ.pop("KAFKA_BOOTSTRAP_SERVERS", "")
    sizes = Sizes(events=options.events, signals=options.signals, accounts=options.accounts)
    with Stand(small=options.small, sizes=sizes, given_broker=given_broker) as stand:
        stand.reset(with_broker=False)
        with stand.connect() as connection:
            facts = machine.describe(connection, now=datetime.now(UTC))
        figures = [figure for measure in chosen for figure in _measure(measure, stand, facts, output)]
    sys.stdout.write(f"\n{report.render_table(figures)}\n")
    return int(not options.small and any(figure.is_met is False for figure in figures))


def _measure(measure: Measure, stand: Stand, facts: dict[str, Any], output: Path | None) -> list[Figure]:
    """Run one measure on a fresh database and keep its figures at once, lest a later failure lose them."""
    sys.stdout.write(f"{measure.name} …\n")
    sys.stdout.flush()
    stand.reset(with_broker=measure.uses_broker)
    began, load = datetime.now(UTC), machine.read_load()
    figures = list(measure.load()(stand))
    stand.stop_all()
    surroundings = {
        "measured_at": f"{began:%Y-%m-%dT%H:%M:%SZ}",
        "load_before": load,
        "load_after": machine.read_load(),
    }
    if output is not None:
        entries = {figure.name: figure.to_json() | surroundings for figure in figures}
        report.write_results(output, machine=facts, entries=entries)
    return figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
