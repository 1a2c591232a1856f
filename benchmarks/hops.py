"""The bare hops that a signal can't be scored without: a commit, Kafka, a Celery message, another commit.

Each is measured alone, one at a time, with nothing else asked of the machine: no rows of ours, no envelope,
no outbox. What the product takes beyond their sum is its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import psycopg
import redis
from celery import Celery
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.stand import Stand

WORKER = "hop"
TASK = "benchmarks.peers.hop.note"
BEGAN = "bench:hop"  # as in `peers/hop.py`
TOPIC = "bench.hop"
LONGEST_SECONDS = 30.0


class Hops:
    """Measures each hop so and so often; seconds throughout."""

    def __init__(self, stand: Stand, *, count: int, rate: float) -> None:
        """Start the Celery worker; ``rate`` is how often a second a hop is begun, if it is quick enough."""
        self.stand, self.count, self.interval = stand, count, 1 / rate
        self.celery = Celery(broker=stand.redis.url)
        self.redis = redis.Redis.from_url(stand.redis.url, socket_timeout=2 * LONGEST_SECONDS)
        self.servers = stand.environment()["KAFKA_BOOTSTRAP_SERVERS"]
        stand.start_command(WORKER, _worker())
        self._call_worker()

    def measure(self) -> dict[str, list[float]]:
        """Return the times of every hop, by its name."""
        return {"commit": self.commits(), "kafka": self.messages(), "celery": self.tasks()}

    def commits(self) -> list[float]:
        """Commit one row each."""
        with self.stand.connect() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS bench_hop (at float8)")
            return self._repeat(lambda: _timed(lambda: _insert(connection)))

    def messages(self) -> list[float]:
        """Send a message of an event's size, acknowledged by all replicas, and have it read."""
        _make_topic(self.servers, is_embedded=not self.stand.given_broker)
        producer = Producer(
            {"bootstrap.servers": self.servers, "enable.idempotence": True, "acks": "all", "linger.ms": 0}
        )
        consumer = Consumer(
            {"bootstrap.servers": self.servers, "group.id": f"hop-{uuid4()}", "fetch.wait.max.ms": 10}
        )
        with closing(consumer):
            [end] = [consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)[1]]
            consumer.assign([TopicPartition(TOPIC, 0, end)])
            _through_kafka(producer, consumer)  # connects
            return self._repeat(lambda: _timed(lambda: _through_kafka(producer, consumer)))

    def tasks(self) -> list[float]:
        """Send a task and have a worker begin it."""
        return self._repeat(self._call_worker)

    def _repeat(self, once: Callable[[], float]) -> list[float]:
        return [once() for _ in _beats(self.count, self.interval)]

    def _call_worker(self) -> float:
        sent_at = time.time()
        self.celery.send_task(TASK, queue="celery")
        answer = self.redis.blpop([BEGAN], timeout=LONGEST_SECONDS)
        if answer is None:
            raise RuntimeError("the worker of the bare Celery hop does not answer")
        return float(answer[1]) - sent_at


def _beats(count: int, interval: float) -> Iterator[None]:
    """Yield at even intervals; what comes late is not caught up with."""
    for _ in range(count):
        due = time.monotonic() + interval
        yield
        time.sleep(max(0.0, due - time.monotonic()))


def _timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _insert(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO bench_hop VALUES (1)")


def _through_kafka(producer: Producer, consumer: Consumer) -> None:
    producer.produce(TOPIC, value=b"x" * 300, partition=0)
    producer.poll(0)
    message = consumer.poll(LONGEST_SECONDS)
    if message is None or message.error():
        raise RuntimeError("the message of the bare Kafka hop did not arrive")


def _make_topic(servers: str, *, is_embedded: bool) -> None:
    """Make a topic of one partition; the embedded broker makes those that it is asked about itself."""
    admin = AdminClient({"bootstrap.servers": servers})
    if is_embedded:
        admin.list_topics(TOPIC, timeout=10)
    elif TOPIC not in admin.list_topics(timeout=10).topics:
        [made] = admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)]).values()
        made.result(timeout=10)


def _worker() -> tuple[str, ...]:
    """Return the command of a worker with the options of ours."""
    return (
        sys.executable, "-m", "celery", "-A", "benchmarks.peers.hop", "--quiet", "worker", "--pool", "solo",
        "-n", f"{WORKER}@%h", "--without-mingle", "--without-gossip", "--without-heartbeat",
    )  # fmt: skip
