"""Kafka to work items: one consumer group, offsets committed after the items are stored."""

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event, InvalidEvent
from revctx.eventbus.hints import hint
from revctx.eventbus.models import BridgeMember, GroupState
from revctx.observability.metrics import WORK_ITEMS

BATCH = 500
POLL_SECONDS = 0.5
CHECK_EVERY = timedelta(seconds=1)

log = structlog.get_logger(__name__)


class Bridge:
    """Reads the topics of one group and turns every event into a work item of that group."""

    def __init__(self, group: str) -> None:
        """Subscribe.

        Raises:
            KeyError: the group is not in `settings.EVENT_GROUPS`.
        """
        self.group = group
        self._topics: list[str] = settings.EVENT_GROUPS[group]["topics"]
        self._member = f"{socket.gethostname()}-{os.getpid()}"
        self._consumer = Consumer(_consumer_config(group))
        self._consumer.subscribe(self._topics)
        self._paused: bool | None = None  # unknown: the one before us may have died while it stood still
        self._checked_at = timezone.now() - CHECK_EVERY

    def step(self) -> int:
        """Read what is there, store it, commit the offsets, wake a worker; return the new items."""
        now = timezone.now()
        self._pause_or_resume(now)
        messages = self._read()
        if not messages:
            self._note_presence(caught_up=not self._paused)
            return 0
        added = workitems.add(group=self.group, events=self._decode(messages), now=now)
        if added:
            hint(group=self.group, count=added)  # what is stored need not wait for Kafka's word
        self._consumer.commit(asynchronous=False)
        return added

    def close(self) -> None:
        """Leave the group, so that others need not wait for it; then say so, if PostgreSQL listens."""
        self._consumer.close()
        BridgeMember.objects.filter(group=self.group, member=self._member).delete()

    def _read(self) -> list[Message]:
        """Wait for the first message, then take what else has arrived without waiting."""
        first = self._consumer.poll(POLL_SECONDS)
        if first is None:
            return []
        return [
            message
            for message in [first, *self._consumer.consume(BATCH - 1, 0)]
            if not _is_harmless(message.error())
        ]

    def _decode(self, messages: list[Message]) -> list[Event]:
        events: list[Event] = []
        for message in messages:
            try:
                events.append(Event.from_json(message.value() or b""))
            except InvalidEvent as error:
                # Not ours, so no transaction of ours waits for it; its place is kept for inspection.
                WORK_ITEMS.labels(self.group, "invalid").inc()
                log.error(
                    "bridge.invalid_event",
                    topic=message.topic(),
                    partition=message.partition(),
                    offset=message.offset(),
                    reason=str(error),
                )
        return events

    def _pause_or_resume(self, now: datetime) -> None:
        """Stand still while the group has too much open work, so that Kafka keeps the rest."""
        if now - self._checked_at < CHECK_EVERY:
            return
        self._checked_at = now
        self._note_presence(caught_up=False)
        limit = settings.BRIDGE_MAX_OPEN_ITEMS
        full = workitems.count_open(group=self.group, at_most=limit + 1) > limit
        assignment = self._consumer.assignment()
        if full and assignment:
            self._consumer.pause(assignment)
        elif self._paused and assignment:
            self._consumer.resume(assignment)
        if full != self._paused:
            self._store_pause(since=now if full else None)
            if full or self._paused:
                log.warning("bridge.paused" if full else "bridge.resumed", group=self.group)
            self._paused = full

    @transaction.atomic
    def _store_pause(self, *, since: datetime | None) -> None:
        GroupState.objects.update_or_create(group=self.group, defaults={"paused_since": since})

    def _note_presence(self, *, caught_up: bool) -> None:
        now, partitions = timezone.now(), len(self._consumer.assignment())
        caught_up_at = {"caught_up_at": now} if caught_up and partitions else {}
        BridgeMember.objects.update_or_create(
            group=self.group,
            member=self._member,
            defaults={"seen_at": now, "partitions": partitions} | caught_up_at,
        )


def _consumer_config(group: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 10,
        "session.timeout.ms": 10_000,
        "topic.metadata.refresh.interval.ms": 5_000,
        "allow.auto.create.topics": settings.PROFILE != "production",
        "client.id": f"revctx-bridge-{group}",
        "log_level": 3,
    }


def _is_harmless(error: KafkaError | None) -> bool:
    """Say whether a message is only news about a partition.

    Raises:
        KafkaException: the broker refused the read.
    """
    if error is None:
        return False
    if error.code() in {KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART} or error.retriable():
        return True
    raise KafkaException(error)
