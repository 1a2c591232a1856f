"""Questions to the tables themselves, for tests that look at every app at once."""

from typing import Any

from django.db import connection


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return what a query finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def number(sql: str, *parameters: Any) -> int:
    """Return the one number that a query finds."""
    return int(rows(sql, *parameters)[0][0])
