"""Work items: claimed under a row lock, done in the effect's transaction, retried one by one."""

import json
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Count, F, Min

from revctx.arrays import to_array
from revctx.eventbus.envelope import Event
from revctx.eventbus.models import WorkItem
from revctx.json_text import make_encoder
from revctx.observability.context import bind_request_id
from revctx.observability.metrics import WORK_ITEMS
from revctx.statements import one_trip, prepared_cursor

MAX_ATTEMPTS = 5
BACKOFF_SECONDS = 2
_encode = make_encoder(ensure_ascii=True)

log = structlog.get_logger(__name__)


class WorkItemData(NamedTuple):
    """What a handler is given of an item."""

    id: int
    event_id: UUID
    event_type: str
    key: str
    data: dict[str, Any]
    request_id: str
    occurred_at: datetime


Handler = Callable[[list[WorkItemData]], None]


_INSERT = """
INSERT INTO work_items (
    "group", event_id, event_type, key, data, request_id, occurred_at, due_at, created_at, state, attempts,
    last_error)
SELECT %s, event.*, %s, %s, 'open', 0, ''
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::timestamptz[]) AS event
ON CONFLICT ("group", event_id) DO NOTHING
"""
# By hand, for every chunk runs it, and its transaction keeps back what the relay may send. It closes what
# it claims: a handler that fails takes that back with the rest. In the order of `due_at`, which only the open
# ones' index has: by id, PostgreSQL may walk through what is done. Planned anew each time: a plan that was
# made for the empty table would read all of a long one.
_CLAIM = """
UPDATE work_items SET state = 'done', done_at = %(now)s, last_error = ''
WHERE id = ANY(ARRAY(
    SELECT id FROM work_items WHERE "group" = %(group)s AND state = 'open' AND due_at <= %(now)s
    ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING id, event_id, event_type, key, data, request_id, occurred_at
"""
_CLAIM_ONE = _CLAIM.replace("ORDER BY", "AND id = %(only)s ORDER BY")


def add(*, group: str, events: Iterable[Event], now: datetime) -> int:
    """Store one open item an event, skipping those that the group already has; return how many were new."""
    rows = [
        (event.id, event.type, event.key, _encode(event.data), event.request_id, event.occurred_at)
        for event in sorted(events, key=lambda event: event.id)
    ]
    if not rows:
        return 0
    columns = [to_array(column) for column in zip(*rows, strict=True)]
    with prepared_cursor() as cursor:
        cursor.execute(_INSERT, [group, now, now, *columns])
        new = int(cursor.rowcount)
    WORK_ITEMS.labels(group, "bridged").inc(new)
    return new


def process(*, group: str, handle: Handler, limit: int, now: datetime) -> int:
    """Claim up to `limit` due items and work them off in one transaction; return how many were done.

    `handle` is given them in the order of their ids. The rows stay locked while it runs, so a killed worker
    gives them back at once. When it fails, nothing of the chunk is kept and each item is tried alone, so that
    a bad one fails alone: five attempts with doubling pauses, then it is `dead` until somebody replays it.
    """
    claimed: list[WorkItemData] = []
    try:
        with transaction.atomic():
            claimed = _claim(group=group, limit=limit, now=now)
            _work_off(claimed, handle)
    except Exception as error:  # whatever it was, each item now proves itself alone
        if not claimed:
            raise
        log.warning("work.chunk_failed", group=group, items=len(claimed), error=_name(error))
        return sum(_process_alone(item, handle, group=group, now=now) for item in claimed)
    WORK_ITEMS.labels(group, "done").inc(len(claimed))
    return len(claimed)


def _claim(*, group: str, limit: int, now: datetime, only: int | None = None) -> list[WorkItemData]:
    parameters: dict[str, Any] = {"group": group, "now": now, "limit": limit, "only": only}
    with connection.cursor() as cursor:
        with one_trip():  # with the transaction's BEGIN
            cursor.execute(_CLAIM if only is None else _CLAIM_ONE, parameters)
        return [
            WorkItemData(
                id=number,
                event_id=event_id,
                event_type=kind,
                key=key,
                data=json.loads(data),
                request_id=request_id,
                occurred_at=at.astimezone(UTC),
            )
            for number, event_id, kind, key, data, request_id, at in sorted(cursor.fetchall())
        ]


def _work_off(items: Sequence[WorkItemData], handle: Handler) -> None:
    """Run the handler; a lone item carries its request id into the logs."""
    if not items:
        return
    with bind_request_id(items[0].request_id if len({item.request_id for item in items}) == 1 else ""):
        handle(list(items))


def _process_alone(item: WorkItemData, handle: Handler, *, group: str, now: datetime) -> int:
    try:
        with transaction.atomic():
            again = _claim(group=group, limit=1, now=now, only=item.id)
            _work_off(again, handle)
    except Exception as error:
        _count_failure(item, group=group, error=error, now=now)
        return 0
    WORK_ITEMS.labels(group, "done").inc(len(again))
    return len(again)


def _count_failure(item: WorkItemData, *, group: str, error: Exception, now: datetime) -> None:
    """Note a failed attempt; the error's text may quote data, so only its kind is kept."""
    row = WorkItem.objects.get(pk=item.id)
    attempts = row.attempts + 1
    dead = attempts >= MAX_ATTEMPTS
    WorkItem.objects.filter(pk=row.pk, state=WorkItem.State.OPEN).update(
        attempts=F("attempts") + 1,
        state=WorkItem.State.DEAD if dead else WorkItem.State.OPEN,
        due_at=now + timedelta(seconds=BACKOFF_SECONDS**attempts),
        last_error=_name(error),
    )
    WORK_ITEMS.labels(group, "dead" if dead else "retried").inc()
    log.error(
        "work.item_failed",
        group=group,
        item=item.id,
        attempts=attempts,
        dead=dead,
        error=_name(error),
        stack=traceback.format_tb(error.__traceback__),  # without the message, which may quote data
    )


def _name(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"[:200]


def list_due_groups(*, now: datetime) -> list[str]:
    """Return the groups that have open items which are due."""
    due = WorkItem.objects.filter(state=WorkItem.State.OPEN, due_at__lte=now)
    return list(due.values_list("group", flat=True).distinct().order_by("group"))


def count_open(*, group: str, at_most: int) -> int:
    """Count the open items of a group, up to `at_most`."""
    return WorkItem.objects.filter(group=group, state=WorkItem.State.OPEN)[:at_most].count()


@dataclass(frozen=True)
class DeadWork:
    """How many items of a group and event type were given up for one error."""

    group: str
    event_type: str
    last_error: str
    items: int
    oldest_at: datetime


def count_dead() -> list[DeadWork]:
    """Count the dead items by group, event type and error, the most first."""
    rows = WorkItem.objects.filter(state=WorkItem.State.DEAD).values("group", "event_type", "last_error")
    counted = rows.annotate(items=Count("id"), oldest_at=Min("created_at"))
    return [DeadWork(**row) for row in counted.order_by("-items", "group", "event_type", "last_error")]


def replay_dead(*, group: str | None = None, event_id: UUID | None = None, now: datetime) -> int:
    """Open dead items again, with all their attempts; return how many."""
    dead = WorkItem.objects.filter(state=WorkItem.State.DEAD)
    if group:
        dead = dead.filter(group=group)
    if event_id:
        dead = dead.filter(event_id=event_id)
    return dead.update(state=WorkItem.State.OPEN, attempts=0, due_at=now)
