"""Statements that run all the time: prepared once a connection, several of them in one trip to the server.

Django's cursors write the values into each statement, which PostgreSQL then parses and plans anew; for a
few rows that costs more than the rows. Errors, metrics and query counts are those of Django's cursors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, TypeVar

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django_prometheus.db.common import ExportingCursorWrapper
from psycopg.pq import PipelineStatus

T = TypeVar("T")
Rows = list[tuple[Any, ...]]
Parameters = Sequence[Any] | Mapping[str, Any]


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
    with _make_cursor() as cursor:
        yield cursor


def run_prepared(statement: str, parameters: Parameters) -> None:
    """Run a statement that gives no rows, or whose rows nobody needs."""
    with prepared_cursor() as cursor:
        cursor.execute(statement, parameters)


def fetch_prepared(statement: str, parameters: Parameters) -> Rows:
    """Run a statement and return its rows."""
    with prepared_cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: Rows = cursor.fetchall()
        return rows


class Answer(Generic[T]):
    """What a statement on its way gives, to be read once; after the trip that costs no wait."""

    def __init__(self, read: Callable[[], T]) -> None:
        """Keep how the answer is read."""
        self._read = read

    def get(self) -> T:
        """Wait for the statement, unless its trip is over, and return what it gave."""
        return self._read()


def ask_prepared(statement: str, parameters: Parameters, make: Callable[[Rows], T]) -> Answer[T]:
    """Send a statement whose rows are wanted later, so that others can go with it in `one_trip`."""
    cursor = _make_cursor()
    cursor.execute(statement, parameters)

    def read() -> T:
        with cursor:
            return make(cursor.fetchall())

    return Answer(read)


@contextmanager
def one_trip() -> Iterator[None]:
    """Send the statements of the block without waiting for each one's answer.

    The server works on one while the next is being made. A fetch waits for its own statement and those before
    it; the end of the block for all, and an error may show only there. Inside a transaction, for prepared
    statements alone: Django asks for row counts that are not there yet. A trip inside another is part of it.
    """
    connection.ensure_connection()
    if connection.connection.info.pipeline_status != PipelineStatus.OFF:
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def _make_cursor() -> CursorWrapper:
    connection.ensure_connection()
    connection.validate_thread_sharing()
    cursor = _cursor_class(connection.alias, connection.vendor)(connection.connection)
    return (
        connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)
    )


@cache
def _cursor_class(alias: str, vendor: str) -> Any:
    return ExportingCursorWrapper(_PreparedCursor, alias, vendor)
