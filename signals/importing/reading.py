"""Read CSV and JSON lines row by row; a row that can't be read is named, not fatal."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from revctx.api.errors import ApiError
from revctx.api.parsing import MAX_BYTES, parse_json

Row = dict[str, Any]


class UnreadableFile(Exception):
    """A file is not what the mapping says; the message says what it is."""


@dataclass(frozen=True)
class ReadRow:
    """One row: its first line in the file, and its columns or the reason why they can't be read."""

    line: int
    columns: Row
    reason: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What is known of a file before it is read: its SHA-256, and how many lines it has."""

    sha256: str
    lines: int


def examine(path: Path) -> FileFacts:
    """Return the hash and the number of lines of a file."""
    digest, lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
    return FileFacts(digest.hexdigest(), lines)


def read_header(path: Path) -> list[str]:
    """Return the column names of a CSV file.

    Raises:
        UnreadableFile: there are none, or one stands twice.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        header = next(csv.reader(file), [])
    if not header or len(set(header)) != len(header):
        raise UnreadableFile(f"{path.name} needs a first line that names each column once.")
    return header


def read_csv(path: Path) -> Iterator[ReadRow]:
    """Yield the rows of a CSV file after its header."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader)
        while True:
            line = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield ReadRow(line, {}, "malformed_row")
                continue
            if values:
                yield _csv_row(line, header, values)


def read_jsonl(path: Path) -> Iterator[ReadRow]:
    """Yield the objects of a file with one JSON object a line."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            if raw.strip():
                yield _json_row(line, raw.strip())


def _csv_row(line: int, header: list[str], values: list[str]) -> ReadRow:
    if len(values) != len(header):
        return ReadRow(line, {}, "wrong_number_of_columns")
    text = "".join(values)
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return ReadRow(line, {}, "not_utf8")
    return ReadRow(line, {name: value.strip() for name, value in zip(header, values, strict=True)})


def _json_row(line: int, raw: bytes) -> ReadRow:
    try:
        document = parse_json(raw, max_bytes=MAX_BYTES)
    except ApiError as error:
        return ReadRow(line, {}, error.code)
    if not isinstance(document, dict):
        return ReadRow(line, {}, "not_an_object")
    return ReadRow(line, {name: _plain(value) for name, value in document.items()})


def _plain(value: Any) -> Any:
    """Return a JSON value as a CSV file would hold it; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else json.dumps(value)
