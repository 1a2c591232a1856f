"""Where a signal is at this moment, read from the bus's own tables."""

from uuid import UUID

from django.db import connection

from revctx.eventbus.models import OutboxEvent, WorkItem


def find_event_of_signal(signal_id: str) -> UUID | None:
    """Return the event that told of a signal."""
    event = OutboxEvent.objects.filter(type="signal.ingested", data__signal_id=signal_id).first()
    return event.event_id if event else None


def is_published(event_id: UUID) -> bool:
    """Say whether the relay has handed an event to Kafka."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (SELECT FROM outbox_events o, relay_cursors c
            WHERE o.event_id = %s AND c.name = 'kafka' AND (o.txid, o.id) <= (c.txid, c.last_id))
            """,
            [event_id],
        )
        return bool(cursor.fetchone()[0])


def is_bridged(event_id: UUID) -> bool:
    """Say whether the context engine's bridge has stored an event."""
    return WorkItem.objects.filter(group="context-engine", event_id=event_id).exists()


def is_worked_off(event_id: UUID) -> bool:
    """Say whether the context engine has scored an event."""
    done = WorkItem.objects.filter(group="context-engine", event_id=event_id, state=WorkItem.State.DONE)
    return done.exists()
