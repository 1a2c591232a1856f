"""Statements that run all the time: prepared once a connection, several of them in one trip to the server.

Django's cursors write the values into each statement, which PostgreSQL then parses and plans anew; for a
few rows that costs more than the rows. Errors, metrics and query counts are those of Django's cursors.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django_prometheus.db.common import ExportingCursorWrapper


class _PreparedCursor(psycopg.Cursor[Any]):
    """A cursor whose statements the server keeps; see also `prepare_threshold` in `revctx.environment`."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query, params, **({"prepare": True} | options))


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """Yield a cursor of the default connection whose statements are prepared at their first use.

    For statements without `SELECT *` whose text never changes: each text is kept by every connection. In
    `one_trip` the number of rows is not known before the block's end, unless rows are fetched.
    """
    connection.ensure_connection()
    connection.validate_thread_sharing()
    cursor = _cursor_class(connection.alias, connection.vendor)(connection.connection)
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(cursor) as wrapped:
        yield wrapped


def run_prepared(statement: str, parameters: Sequence[Any]) -> None:
    """Run a statement that gives no rows, or whose rows nobody needs."""
    with prepared_cursor() as cursor:
        cursor.execute(statement, parameters)


def fetch_prepared(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with prepared_cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


@contextmanager
def one_trip() -> Iterator[None]:
    """Send the statements of the block without waiting for each one's answer.

    The server works on one while the next is being made. A fetch waits for its own statement and those before
    it; the end of the block for all, and an error may show only there. Inside a transaction, for prepared
    statements alone: Django asks for row counts that are not there yet.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


@cache
def _cursor_class(alias: str, vendor: str) -> Any:
    return ExportingCursorWrapper(_PreparedCursor, alias, vendor)
