r"""What exactly is hashed: an audit row as one line of PostgreSQL's COPY text format.

Tabs between the columns, ``\N`` for null, backslash escapes, times in UTC, no line end. Everybody with psql
can print the same bytes, and no other row has them. The statements expect a session in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from django.db import connection

from compliance.sealing.merkle import leaf_hash

# Appending to this tuple changes every leaf: a later column needs a new version of the line.
COLUMNS: tuple[LiteralString, ...] = (
    "id", "recorded_at", "txid", "occurred_at", "name", "actor", "target_type", "target_id", "account_id",
    "request_id", "payload",
)  # fmt: skip
COLUMN_LIST: LiteralString = ", ".join(f"a.{name}" for name in COLUMNS)

# The same columns as texts, for ``make_line``.
TEXT_LIST: LiteralString = ", ".join(f"{name}::text" for name in COLUMNS)
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)


def make_line(values: Sequence[str | None]) -> bytes:
    """Return the canonical line of a row whose columns were read as texts, as COPY prints it."""
    return "\t".join("\\N" if text is None else text.translate(_ESCAPES) for text in values).encode()


def make_lines(rows: Sequence[Sequence[str | None]]) -> list[bytes]:
    """Return ``make_line`` of each row; all at once, unless a text needs escaping."""
    # No text of PostgreSQL holds NUL, so it can stand for null.
    lines = ["\t".join(["\x00" if text is None else text for text in row]) for row in rows]
    whole = "\n".join(lines)
    is_plain = (
        whole.count("\n") == len(rows) - 1
        and whole.count("\t") == len(rows) * (len(COLUMNS) - 1)
        and not any(mark in whole for mark in "\\\b\f\r\v")
    )
    if is_plain:
        return whole.replace("\x00", "\\N").encode().split(b"\n")
    return [make_line(row) for row in rows]


def leaf_of(line: bytes) -> bytes:
    """Return the leaf of a row given by its canonical line."""
    return leaf_hash(line)


@contextmanager
def copy_lines(statement: str, parameters: list[Any]) -> Iterator[Iterator[bytes]]:
    """Stream a query's rows as canonical lines."""
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.ClientCursor(connection.connection) as cursor,
        cursor.copy(f"COPY ({statement}) TO STDOUT", parameters) as copy,
    ):
        yield (bytes(block)[:-1] for block in copy)


def read_line(*, event_id: UUID, recorded_at: datetime) -> bytes | None:
    """Return the canonical line of one event, or None if the row is gone."""
    statement = f"SELECT {COLUMN_LIST} FROM audit_logs a WHERE a.id = %s AND a.recorded_at = %s"
    with copy_lines(statement, [event_id, recorded_at]) as lines:
        return next(iter(list(lines)), None)
