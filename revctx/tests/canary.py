"""Search every place that outlives a request for a word, whichever way it may be spelled there."""

import base64
import time
from collections.abc import Iterator

import psycopg
import redis
from confluent_kafka import Consumer, TopicPartition
from django.conf import settings
from django.contrib.sessions.models import Session

from revctx.devstack.services import ThrowawayServices

_TABLES = """
SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


def spellings(word: str) -> list[bytes]:
    """Return the word in lower case as text and hexadecimal, and as text in base64 at each alignment."""
    raw = word.encode()
    encoded = []
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        # The characters that also depend on what stands before and after are cut off.
        encoded.append(text[4 if shift else 0 : -4])
    return [raw, raw.hex().encode(), *encoded]


def holds(word: str, content: bytes) -> bool:
    """Return whether the word occurs in bytes, in any spelling; base64 alone is told apart by case."""
    plain, hexed, *encoded = spellings(word)
    lower = content.lower()
    return plain in lower or hexed in lower or any(text in content for text in encoded)


def list_tables_with(word: str, services: ThrowawayServices) -> list[str]:
    """Return every table in which the word occurs; read by the superuser, so that nothing hides."""
    with services.postgres.connect_superuser() as superuser:
        return search_tables(word, superuser)


def search_tables(word: str, superuser: psycopg.Connection) -> list[str]:
    """Return every table of a session's database in which the word occurs."""
    found = []
    for (table,) in superuser.execute(_TABLES).fetchall():
        rows = superuser.execute(f"SELECT t::text FROM {table} AS t")
        if any(holds(word, text.encode()) for (text,) in rows):
            found.append(table)
    return found


def read_sessions() -> bytes:
    """Return what every session holds, decoded."""
    return repr([session.get_decoded() for session in Session.objects.all()]).encode()


def read_redis(server: redis.Redis) -> bytes:
    """Return every key of every database with its value."""
    readers = {
        b"string": server.get,
        b"hash": server.hgetall,
        b"list": lambda key: server.lrange(key, 0, -1),
        b"set": server.smembers,
        b"zset": lambda key: server.zrange(key, 0, -1),
    }
    content = []
    for database in server.info("keyspace"):
        server.select(int(database.removeprefix("db")))
        content += [(key, readers[server.type(key)](key)) for key in server.scan_iter()]
    return repr(content).encode()


def read_topics(seconds: float = 20) -> Iterator[bytes]:
    """Return every message of every topic from offset 0: key, headers and value."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": f"canary-{time.monotonic_ns()}",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    try:
        left = {}
        for topic in consumer.list_topics(timeout=10).topics.values():
            for partition in topic.partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic.topic, partition), timeout=10)
                if high > low:
                    left[topic.topic, partition] = high
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in left])
        deadline = time.monotonic() + seconds
        while left:
            assert time.monotonic() < deadline, f"not read in time: {sorted(left)}"
            message = consumer.poll(0.5)
            if message is None or message.error():
                continue
            yield repr((message.key(), message.headers(), message.value())).encode()
            if message.offset() + 1 >= left[message.topic(), message.partition()]:
                left.pop((message.topic(), message.partition()), None)
    finally:
        consumer.close()
