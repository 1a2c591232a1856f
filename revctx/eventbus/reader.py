"""Reading a whole topic by one process that leads, without a consumer group's sharing."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from django.conf import settings

from revctx.eventbus.envelope import Event, InvalidEvent

MESSAGES = 500
# How often partitions are looked for, and how long the answer may keep the reader waiting.
LOOK_AGAIN = timedelta(seconds=10)
METADATA_SECONDS = 1.0

log = structlog.get_logger(__name__)


class TopicReader:
    """Reads all partitions of a topic and keeps its place under a name. A Kafka that is away only delays."""

    def __init__(self, *, topic: str, name: str) -> None:
        """Connect; nothing is read yet."""
        self.topic = topic
        self._look_again_at: datetime | None = None
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
                "group.id": name,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
                "client.id": f"revctx-{name}",
                "log_level": 3,
            }
        )

    def read(self, *, now: datetime) -> list[Event]:
        """Return what is there, without waiting for more; what is no event is logged and left out."""
        try:
            self._assign(now)
            messages = self._consumer.consume(MESSAGES, 0)
        except KafkaException as error:
            log.warning("reader.kafka", topic=self.topic, error=str(error.args[0]))
            return []
        events = []
        for message in messages:
            if message.error():
                continue  # news about a partition
            try:
                events.append(Event.from_json(message.value() or b""))
            except InvalidEvent:
                log.error("reader.invalid_event", topic=self.topic, offset=message.offset())
        return events

    def place(self) -> list[Any]:
        """Return the place behind all that was read, for ``commit``; empty when nothing was."""
        places = self._consumer.position(self._consumer.assignment())
        return [TopicPartition(p.topic, p.partition, p.offset) for p in places if p.offset >= 0]

    def commit(self, place: list[Any]) -> None:
        """Begin there after a restart."""
        try:
            self._consumer.commit(offsets=place, asynchronous=True)
        except KafkaException as error:
            log.warning("reader.kafka", topic=self.topic, error=str(error.args[0]))

    def close(self) -> None:
        """Close the connection to Kafka."""
        self._consumer.close()

    def _assign(self, now: datetime) -> None:
        """Read all partitions, also those that are added later."""
        if self._look_again_at is not None and now < self._look_again_at:
            return
        self._look_again_at = now + LOOK_AGAIN
        topic = self._consumer.list_topics(self.topic, timeout=METADATA_SECONDS).topics[self.topic]
        known = {place.partition for place in self._consumer.assignment()}
        new = [TopicPartition(self.topic, number) for number in topic.partitions if number not in known]
        if new:
            self._consumer.incremental_assign(new)
