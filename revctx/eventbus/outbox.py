"""Write events into the transaction that they tell of."""

from collections.abc import Iterable

from django.db import connection, transaction

from revctx.eventbus.envelope import Event
from revctx.eventbus.models import OutboxEvent

CHANNEL = "revctx_outbox"


def enqueue(events: Iterable[Event]) -> None:
    """Add events to the outbox of the running transaction; the relay publishes them after commit.

    Raises:
        RuntimeError: no transaction is open, so the event could tell of something that never happened.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Events are enqueued inside the transaction that they tell of.")
    rows = [
        OutboxEvent(
            event_id=event.id,
            type=event.type,
            key=event.key,
            data=event.data,
            request_id=event.request_id,
            occurred_at=event.occurred_at,
        )
        for event in events
    ]
    if rows:
        OutboxEvent.objects.bulk_create(rows)
        transaction.on_commit(_wake_relay)


def _wake_relay() -> None:
    """Notify after the commit: a NOTIFY inside it would make all commits wait for one lock."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
