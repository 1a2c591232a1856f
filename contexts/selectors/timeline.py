"""Reads of what happened to an account."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection

from contexts.contracts import TimelineEntry
from contexts.evidence import without_erased
from contexts.families import list_members
from contexts.selectors.configs import get_active
from signals.contracts import SignalFact
from signals.selectors import list_signal_facts

MOST_ROWS = 2_000  # of one query, where most of what there is may not be shown

Position = tuple[datetime, UUID]  # time and id of the last entry of a page

_TIMELINE = """
SELECT * FROM (
    SELECT occurred_at AS at, 'signal' AS kind, signal_id AS id, type, subject_id, NULL::float8 AS intent
    FROM contexts_ledgerentry l
    WHERE account_id = ANY(%(accounts)s::uuid[]) AND decay_id = %(decay)s
      AND NOT EXISTS (SELECT FROM contexts_retraction r WHERE r.signal_id = l.signal_id)
    UNION ALL
    SELECT crossed_at, 'crossing', id, direction, NULL, intent
    FROM contexts_crossing WHERE account_id = ANY(%(accounts)s::uuid[])
) AS entries
WHERE %(at)s::timestamptz IS NULL OR (at, id) < (%(at)s::timestamptz, %(id)s::uuid)
ORDER BY at DESC, id DESC LIMIT %(limit)s
"""


def get_timeline(account_id: UUID, limit: int = 50, *, before: Position | None = None) -> list[TimelineEntry]:
    """Return signals that counted and crossings, the newest first; `before` is the last one seen.

    Fewer than `limit` means that there are no more: erased and restricted persons' signals take no place.
    """
    rows = list(islice(_read_rows(account_id, before, limit), limit))
    facts = list_signal_facts(signal_ids=[row[2] for row in rows if row[1] == "signal"])
    return [_entry(row, facts) for row in rows]


def _read_rows(account_id: UUID, before: Position | None, limit: int) -> Iterator[tuple[Any, ...]]:
    """Read on, each time more, until the reader has enough of what may be shown."""
    at, last_id = before or (None, None)
    parameters: dict[str, Any] = {"accounts": list_members(account_id), "decay": get_active().decay_id}
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_TIMELINE, parameters | {"at": at, "id": last_id, "limit": limit})
            rows = cursor.fetchall()
        yield from without_erased(rows, lambda row: row[4])
        if len(rows) < limit:
            return
        at, last_id, limit = rows[-1][0], rows[-1][2], max(limit, min(limit * 4, MOST_ROWS))


def _entry(row: tuple[Any, ...], facts: dict[UUID, SignalFact]) -> TimelineEntry:
    at, kind, entry_id, entry_type, subject_id, intent = row
    fact = facts.get(entry_id)
    detail = {"intent": intent} if kind == "crossing" else {}
    if fact is not None:
        detail = {"source": fact.source, "attributes": fact.attributes}
    return TimelineEntry(at=at, kind=kind, id=entry_id, type=entry_type, subject_id=subject_id, detail=detail)
