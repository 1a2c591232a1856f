"""The witness: what Kafka says each leaf was before its seal, kept beside the anchored leaves.

Every audit row's leaf leaves the database with the outbox, some tens of milliseconds after the commit. What
was changed after that and before the seal shows as a difference between the copy and the sealed leaf.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q

from compliance.sealing.anchors import LEAF_BYTES, NO_COPY, Anchors
from compliance.sealing.models import AuditLeaf
from revctx.eventbus.envelope import Event, InvalidEvent
from revctx.eventbus.topics import AUDIT_LEAF

GROUP = "audit-witness"
MESSAGES = 500
LEAVES = 20_000
# A copy that takes longer than this is not waited for: its row counts as one that left no copy.
PATIENCE = timedelta(seconds=30)
# A copy that nothing was sealed for: a row that was deleted before, or one that is settled already.
FORGET = timedelta(minutes=10)
# How often partitions are looked for, and how long the answer may keep the sealer waiting.
LOOK_AGAIN = timedelta(seconds=10)
METADATA_SECONDS = 1.0

log = structlog.get_logger(__name__)


def make_consumer() -> Consumer:
    """Return a consumer that keeps its place in Kafka, but shares the partitions with nobody."""
    return Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
            "client.id": "revctx-sealer",
            "log_level": 3,
        }
    )


class Witness:
    """Takes copies in and settles leaf after leaf, in the order of the tree."""

    def __init__(self, *, anchors: Anchors, consumer: Consumer, now: datetime) -> None:
        """Take up where the anchored copies end."""
        self.anchors, self.consumer, self.started_at = anchors, consumer, now
        self.look_again_at = now
        self.copies: dict[UUID, tuple[bytes, datetime]] = {}
        # Up to here in Kafka, once none of these copies is waiting any more.
        self.mark: tuple[list[TopicPartition], set[UUID]] | None = None

    def turn(self, *, now: datetime) -> int:
        """Take what Kafka has, settle what can be settled; return how many leaves. Never raises for Kafka."""
        try:
            self._assign(now)
            for message in self.consumer.consume(MESSAGES, 0):
                self._take(message, now)
        except KafkaException as error:
            log.warning("witness.kafka", error=str(error.args[0]))
        settled = self._settle(now)
        self._forget(now)
        self._commit()
        return settled

    def close(self) -> None:
        """Close the connection to Kafka."""
        self.consumer.close()

    def _assign(self, now: datetime) -> None:
        """Read all partitions, also those that are added later; only the sealer that leads does."""
        if now < self.look_again_at:
            return
        self.look_again_at = now + LOOK_AGAIN
        topic = self.consumer.list_topics(AUDIT_LEAF, timeout=METADATA_SECONDS).topics[AUDIT_LEAF]
        known = {place.partition for place in self.consumer.assignment()}
        new = [TopicPartition(AUDIT_LEAF, number) for number in topic.partitions if number not in known]
        if new:
            self.consumer.incremental_assign(new)

    def _take(self, message: Message, now: datetime) -> None:
        if message.error():
            return  # news about a partition; what is not delivered is not covered, and reports say so
        try:
            leaves = Event.from_json(message.value() or b"").data["leaves"]
            found = {UUID(event_id): bytes.fromhex(leaf) for event_id, leaf in leaves.items()}
        except (InvalidEvent, AttributeError, KeyError, TypeError, ValueError):
            log.error("witness.invalid_copy", partition=message.partition(), offset=message.offset())
            return
        for event_id, leaf in found.items():
            if len(leaf) == LEAF_BYTES:
                self.copies.setdefault(event_id, (leaf, now))  # the first one counts

    def _settle(self, now: datetime) -> int:
        start = self.anchors.count_copies()
        # One that only begins may have copies waiting in Kafka.
        begins = now - self.started_at < PATIENCE
        is_young = ExpressionWrapper(Q(recorded_at__gt=now - PATIENCE), output_field=BooleanField())
        rows = AuditLeaf.objects.filter(index__gte=start, index__lt=start + LEAVES).order_by("index")
        settled: list[bytes] = []
        for event_id, may_come in rows.values_list("event_id", is_young):
            copy = self.copies.pop(event_id, None)
            if copy is None and (may_come or begins):
                break
            settled.append(copy[0] if copy else NO_COPY)
        if settled:
            self.anchors.append_copies(settled)
        return len(settled)

    def _forget(self, now: datetime) -> None:
        old = [event_id for event_id, (_, taken_at) in self.copies.items() if taken_at < now - FORGET]
        for event_id in old:
            del self.copies[event_id]

    def _commit(self) -> None:
        """Commit a position once every copy before it is settled: after a crash none is missed."""
        try:
            if self.mark and self.mark[1].isdisjoint(self.copies):
                self.consumer.commit(offsets=self.mark[0], asynchronous=True)
                self.mark = None
            if self.mark is None:
                places = self.consumer.position(self.consumer.assignment())
                known = [TopicPartition(p.topic, p.partition, p.offset) for p in places if p.offset >= 0]
                self.mark = (known, set(self.copies)) if known else None
        except KafkaException as error:
            log.warning("witness.kafka", error=str(error.args[0]))
