"""Is there an audit row for every state that was reached? Asked of the database, row by row.

Each app says by a statement which of its states have no audit row. So an event that was never recorded is
seen as long as what it did is: code that forgets its row, or somebody who changes a state by hand.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

MOST_NAMED = 100
# What is reconciled → a statement that yields the ids, as text, of states without their row.
STATEMENTS: dict[str, str] = {}


def register_reconciliation(name: str, statement: str) -> None:
    """Have the states that ``statement`` yields reported; called in ``AppConfig.ready()``.

    The statement selects one text column and takes ``%(since)s``, before which nothing is asked.

    Raises:
        ValueError: another statement has that name.
    """
    if STATEMENTS.setdefault(name, statement) != statement:
        raise ValueError(f"{name!r} is reconciled already")


def find_unrecorded(*, since: datetime, names: set[str] | None = None) -> dict[str, list[str]]:
    """Return by name the ids of states reached since then that have no audit row, a hundred each at most."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for name, statement in sorted(STATEMENTS.items()):
            if names is None or name in names:
                cursor.execute(f"{statement} LIMIT {MOST_NAMED}", {"since": since})
                if ids := [row[0] for row in cursor.fetchall()]:
                    found[name] = ids
    return found
