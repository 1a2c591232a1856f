"""Outbox to Kafka, in commit order, by one leader.

Rows are read below the xmin horizon with a cursor `(txid, id)`: an id alone would skip rows of
transactions that commit late.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.conf import settings
from django.db import connection, transaction

from revctx.eventbus import cluster
from revctx.eventbus.envelope import Event
from revctx.eventbus.headroom import CURSOR, Headroom
from revctx.eventbus.models import OutboxEvent, RelayCursor
from revctx.observability.metrics import EVENTS_RELAYED
from revctx.statements import fetch_prepared

BATCH = 1_000
DELIVERY_SECONDS = 30

log = structlog.get_logger(__name__)

# Qualified: a bare `txid` would be the text of the select list, and 1000 come before 999.
_NEXT = """
SELECT txid::text, id, event_id, type, key, data, occurred_at, request_id FROM outbox_events
WHERE (txid, id) > (%s::text::xid8, %s)
  AND txid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY outbox_events.txid, id LIMIT %s
"""


class NotDelivered(Exception):
    """Kafka did not acknowledge a batch; the cursor stays where it was."""


@dataclass(frozen=True)
class OutboxRow:
    """An outbox row as the relay reads it."""

    txid: int
    id: int
    event: Event


def make_producer() -> Producer:
    """Return an idempotent producer that waits for all replicas."""
    return Producer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 2,
            "delivery.timeout.ms": DELIVERY_SECONDS * 1000,
            "client.id": "revctx-relay",
            "log_level": 3,
        }
    )


def load_cursor(*, now: datetime) -> RelayCursor:
    """Return the cursor; after a restore into another cluster, start from the unpublished rows.

    Transaction ids of the old cluster mean nothing in the new one, so rows that were published are
    dropped and the others are numbered before every new transaction.
    """
    system_identifier = cluster.get_system_identifier()
    cursor, _ = RelayCursor.objects.get_or_create(
        name=CURSOR,
        defaults={"system_identifier": system_identifier, "txid": 0, "last_id": 0, "moved_at": now},
    )
    if cursor.system_identifier != system_identifier:
        with transaction.atomic(), connection.cursor() as sql:
            sql.execute(
                "DELETE FROM outbox_events WHERE (txid, id) <= (%s::text::xid8, %s)",
                [str(cursor.txid), cursor.last_id],
            )
            sql.execute("UPDATE outbox_events SET txid = '0'::xid8")
            sql.execute("UPDATE event_groups SET reconciled_txid = '0'::xid8, reconciled_id = 0")
            cursor.system_identifier, cursor.txid, cursor.last_id = system_identifier, 0, 0
            cursor.save()
        log.warning("relay.cluster_changed", system_identifier=system_identifier)
    return cursor


def relay_batch(*, producer: Producer, cursor: RelayCursor, headroom: Headroom, now: datetime) -> int:
    """Publish the next events, as many as there is headroom for, and move the cursor; return how many.

    Raises:
        NotDelivered: Kafka did not acknowledge them all in time; they will be sent again.
    """
    rows = _read(cursor, limit=headroom.measure(cursor, wanted=BATCH))
    if not rows:
        return 0
    _publish(producer, rows)
    cursor.txid, cursor.last_id, cursor.moved_at = rows[-1].txid, rows[-1].id, now
    cursor.save(update_fields=["txid", "last_id", "moved_at"])
    headroom.use(len(rows))
    return len(rows)


def _read(cursor: RelayCursor, *, limit: int) -> list[OutboxRow]:
    rows = fetch_prepared(_NEXT, [str(cursor.txid), cursor.last_id, limit])
    return [
        OutboxRow(
            txid=int(txid),
            id=number,
            event=Event(
                id=event_id,
                type=kind,
                key=key,
                data=json.loads(data),
                occurred_at=at.astimezone(UTC),
                request_id=request,
            ),
        )
        for txid, number, event_id, kind, key, data, at, request in rows
    ]


def event_of(row: OutboxEvent) -> Event:
    """Return the event that an outbox row holds."""
    return Event(
        id=UUID(str(row.event_id)),
        type=row.type,
        key=row.key,
        data=row.data,
        occurred_at=row.occurred_at,
        request_id=row.request_id,
    )


def _publish(producer: Producer, rows: list[OutboxRow]) -> None:
    delivered: list[str] = []
    failed: list[str] = []

    def report(error: KafkaError | None, message: Message) -> None:
        (failed if error else delivered).append(error.name() if error else str(message.topic()))

    try:
        for row in rows:
            _produce(producer, row.event, report)
    except (KafkaException, BufferError) as error:
        failed.append(type(error).__name__)
    unsent = producer.flush(DELIVERY_SECONDS)
    if failed or unsent or len(delivered) != len(rows):
        producer.purge()
        raise NotDelivered(f"{len(delivered)} of {len(rows)} acknowledged; {failed[:1] or 'timed out'}")
    for topic in set(delivered):
        EVENTS_RELAYED.labels(topic).inc(delivered.count(topic))


def _produce(producer: Producer, event: Event, report: Any) -> None:
    producer.produce(
        event.type,
        key=event.key.encode(),
        value=event.to_json(),
        headers={"ce_id": str(event.id), "X-Request-ID": event.request_id},
        on_delivery=report,
    )
    producer.poll(0)
