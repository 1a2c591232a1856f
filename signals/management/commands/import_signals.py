"""`manage.py import_signals --mapping FILE PATH`: store a CSV or JSON lines file as signals."""

import sys
import time
from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from signals.importing.mapping import InvalidMapping, load_mapping
from signals.importing.reading import FileFacts, UnreadableFile, examine
from signals.importing.run import Import
from signals.importing.summary import Report
from signals.services.importing import open_checkpoint

_BAR = 30


class Command(BaseCommand):
    """Imports a file; run it again after an interruption and it goes on where it stopped."""

    help = "Store a CSV or JSON lines file as signals, as a mapping file says (see docs/mappings)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("path", help="the file to import")
        parser.add_argument("--mapping", required=True, help="mapping file, TOML")
        parser.add_argument("--report", help="write a CSV of line, outcome and reason here")
        parser.add_argument("--again", action="store_true", help="start over; stored signals are duplicates")
        parser.add_argument("--progress", action="store_true", help="draw the bar even without a terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, then print a summary."""
        path, report = Path(options["path"]), options["report"]
        try:
            mapping, mapping_sha256 = load_mapping(Path(options["mapping"]))
            facts = examine(path)
            with self._report_file(report) as file:
                run = Import(
                    mapping=mapping,
                    path=path,
                    facts=facts,
                    checkpoint=open_checkpoint(
                        file_sha256=facts.sha256,
                        mapping_sha256=mapping_sha256,
                        source=mapping.source,
                        again=options["again"],
                        now=timezone.now(),
                    ),
                    report=Report(file),
                    progress=_Bar(self.stderr, facts, is_wanted=options["progress"]).draw,
                    clock=timezone.now,
                )
                summary = run.run()
        except (InvalidMapping, UnreadableFile, OSError) as error:
            raise CommandError(str(error)) from error
        for line in summary.lines(name=path.name, mapping=mapping, checkpoint=run.checkpoint):
            self.stdout.write(line)

    def _report_file(self, path: Path | str | None) -> Any:
        return Path(path).open("w", encoding="utf-8", newline="") if path else nullcontext()


class _Bar:
    """A progress bar on one line of a terminal."""

    def __init__(self, stream: Any, facts: FileFacts, *, is_wanted: bool) -> None:
        self._stream, self._lines = stream, max(facts.lines, 1)
        self._is_drawn = is_wanted or sys.stderr.isatty()
        self._started = time.monotonic()

    def draw(self, line: int) -> None:
        """Show how far the import is."""
        if not self._is_drawn:
            return
        share = min(line / self._lines, 1.0)
        bar = "█" * round(share * _BAR)
        rate = line / max(time.monotonic() - self._started, 1e-6)
        end = "\n" if line >= self._lines else ""
        self._stream.write(f"\r{bar:·<{_BAR}} {share:4.0%}  {line:,} lines  {rate:,.0f}/s ", ending=end)
        self._stream.flush()
