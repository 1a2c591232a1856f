"""Read a file through a mapping and store it chunk by chunk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from signals.contracts import SignalDraft
from signals.importing.mapping import InvalidMapping, Mapping
from signals.importing.reading import FileFacts, ReadRow, UnreadableFile, read_csv, read_header, read_jsonl
from signals.importing.rows import RowResult, map_row
from signals.importing.summary import Report, Summary
from signals.models import ImportCheckpoint
from signals.normalization import Catalogue
from signals.selectors import get_catalogue
from signals.services.catalogue import register_codes
from signals.services.importing import finish, import_chunk

SIGNALS_PER_CHUNK = 1000
ROWS_PER_CHUNK = 10_000  # rows that give nothing still move the checkpoint
ACTOR = "system:import"


@dataclass
class _Chunk:
    """Drafts waiting for their transaction, with the line each comes from."""

    drafts: list[SignalDraft] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rows: int = 0
    last_line: int = 0


@dataclass
class Import:
    """One run of the importer.

    Args:
        clock: read once a chunk.
        progress: called with the last line stored or skipped.
    """

    mapping: Mapping
    path: Path
    facts: FileFacts
    checkpoint: ImportCheckpoint
    report: Report
    progress: Callable[[int], None]
    clock: Callable[[], datetime]

    def run(self) -> Summary:
        """Read the whole file; store what lies behind the checkpoint.

        Rows before it are read again, so that report and counts cover the whole file.

        Raises:
            UnreadableFile: a column of the mapping is missing.
            InvalidMapping: it names a type or attribute that the catalogue does not have.
        """
        summary = Summary(
            resumed_after_line=self.checkpoint.line, was_finished=self.checkpoint.finished_at is not None
        )
        summary.unused_columns = self._check_columns()
        catalogue = self._prepare_catalogue()
        chunk = _Chunk()
        for row in self._rows():
            chunk.rows, chunk.last_line = chunk.rows + 1, row.line
            self._take(row, chunk, summary, catalogue)
            if len(chunk.drafts) >= SIGNALS_PER_CHUNK or chunk.rows >= ROWS_PER_CHUNK:
                chunk = self._store(chunk, summary)
        self._store(chunk, summary)
        finish(checkpoint=self.checkpoint, now=self.clock())
        return summary

    def _rows(self) -> Iterator[ReadRow]:
        return read_csv(self.path) if self.mapping.format == "csv" else read_jsonl(self.path)

    def _take(self, row: ReadRow, chunk: _Chunk, summary: Summary, catalogue: Catalogue) -> None:
        if row.reason:
            result = RowResult(reasons=[row.reason])
        else:
            result = map_row(row.columns, self.mapping, catalogue=catalogue, now=self.clock())
        summary.add(result)
        self.report.add_row(row.line, result)
        if row.line > self.checkpoint.line:
            chunk.drafts += result.drafts
            chunk.lines += [row.line] * len(result.drafts)

    def _store(self, chunk: _Chunk, summary: Summary) -> _Chunk:
        """Store a chunk, unless an earlier run did; return the next, empty one."""
        if chunk.last_line > self.checkpoint.line:
            results = import_chunk(
                checkpoint=self.checkpoint,
                drafts=chunk.drafts,
                line=chunk.last_line,
                actor=ACTOR,
                now=self.clock(),
            )
            for line, result in zip(chunk.lines, results, strict=True):
                if result.status == "conflict":
                    self.report.add_conflict(line)
            summary.imported_now += sum(result.status == "accepted" for result in results)
        self.progress(chunk.last_line)
        return _Chunk()

    def _check_columns(self) -> list[str]:
        """Return the columns that the mapping does not use; JSON lines name theirs in each row."""
        if self.mapping.format != "csv":
            return []
        header = read_header(self.path)
        if missing := sorted(self.mapping.columns() - set(header)):
            raise UnreadableFile(f"{self.path.name} lacks the columns {', '.join(missing)}.")
        return [column for column in header if column not in self.mapping.columns()]

    def _prepare_catalogue(self) -> Catalogue:
        """Register the mapping's codes and check that types and attributes are in the catalogue."""
        kinds = get_catalogue().types
        for rule in self.mapping.signals:
            if rule.type not in kinds:
                raise InvalidMapping(f"signals.{rule.event}: {rule.type!r} is no signal type.")
            for name, origin in rule.attributes.items():
                kind = kinds[rule.type].get(name, "")
                if not kind.startswith("number" if origin.number else "code:"):
                    raise InvalidMapping(f"signals.{rule.event}: {rule.type} has no such attribute {name!r}.")
                if origin.spelling is not None:
                    codes = {code: text for text, code in self.mapping.codes[origin.spelling].items()}
                    register_codes(
                        list_name=kind.removeprefix("code:"), codes=codes, actor=ACTOR, now=self.clock()
                    )
        return get_catalogue()
