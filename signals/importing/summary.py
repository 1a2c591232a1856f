"""What an import did, as counts and as a report file without a word of the data."""

import csv
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO

from signals.importing.mapping import Mapping
from signals.importing.rows import RowResult
from signals.models import ImportCheckpoint


@dataclass
class Summary:
    """Counts over all rows of the file, those of an earlier run included."""

    rows: int = 0
    rows_with_signals: int = 0
    signals: int = 0
    imported_now: int = 0
    resumed_after_line: int = 0
    was_finished: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    undecided: Counter[tuple[str, str]] = field(default_factory=Counter)
    unused_columns: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def add(self, result: RowResult) -> None:
        """Count one row."""
        self.rows += 1
        self.rows_with_signals += bool(result.drafts)
        self.signals += len(result.drafts)
        self.reasons.update(result.reasons)
        self.notes.update(result.notes)
        self.undecided.update(result.undecided)

    def lines(self, *, name: str, mapping: Mapping, checkpoint: ImportCheckpoint) -> Iterable[str]:
        """Yield the summary for a person."""
        seconds = max(time.monotonic() - self.started, 1e-6)
        yield f"{name} as {mapping.source}"
        if self.was_finished:
            yield "  imported before; nothing was left to store"
        elif self.resumed_after_line:
            yield f"  resumed after line {self.resumed_after_line:,}; the counts cover the whole file"
        yield f"  rows    {self.rows:>9,}  read"
        yield f"          {self.rows_with_signals:>9,}  gave {self.signals:,} signals"
        yield f"          {self.rows - self.rows_with_signals:>9,}  gave none"
        yield f"  signals {checkpoint.accepted:>9,}  accepted"
        yield f"          {checkpoint.duplicates:>9,}  duplicate"
        yield f"          {checkpoint.conflicts:>9,}  conflict"
        for title, counts in (("reasons", self.reasons), ("notes", self.notes)):
            for position, (reason, count) in enumerate(counts.most_common()):
                yield f"  {title if position == 0 else '':7} {count:>9,}  {reason}"
        for (column, spelling), count in self.undecided.most_common():
            yield f"  decide  {count:>9,}  {column} {spelling!r}: {mapping.decide[column][spelling]}"
        if self.unused_columns:
            yield f"  columns not used: {', '.join(self.unused_columns)}"
        yield (
            f"  {seconds:.1f} s, {self.rows / seconds:,.0f} rows/s, "
            f"{self.imported_now / seconds:,.0f} signals/s stored now"
        )


class Report:
    """The report file: line number, what happened, reason code; nothing of the row itself."""

    def __init__(self, file: IO[str] | None) -> None:
        """Write the header, or nothing at all without a file."""
        self._writer = csv.writer(file) if file else None
        self._write(["line", "outcome", "reason"])

    def add_row(self, line: int, result: RowResult) -> None:
        """Write why a row gave fewer signals than it could have, and what needs a decision."""
        outcome = "partly_imported" if result.drafts else "not_imported"
        for reason in result.reasons:
            self._write([str(line), outcome, reason])
        for note in result.notes:
            self._write([str(line), "noted", note])

    def add_conflict(self, line: int) -> None:
        """Write that an event was stored before with other content."""
        self._write([str(line), "conflict", "stored_before_with_other_content"])

    def _write(self, values: list[str]) -> None:
        if self._writer:
            self._writer.writerow(values)
