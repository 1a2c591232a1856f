"""Is the bus moving? Ages and backlogs, read from PostgreSQL; one metadata call to Kafka."""

from datetime import timedelta
from functools import cache

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from revctx import local_env
from revctx.eventbus import headroom
from revctx.eventbus.models import BridgeMember, WorkItem

MAX_OUTBOX_AGE_SECONDS = 60.0
MAX_OPEN_ITEMS = 50_000
BRIDGE_SILENCE_SECONDS = 15


@cache
def _admin(bootstrap_servers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0, "socket.timeout.ms": 2000})


def _bootstrap_servers() -> str:
    """Return where the broker is; the embedded one comes back elsewhere, and the local stack notes it."""
    configured: str = settings.KAFKA_BOOTSTRAP_SERVERS
    if settings.PROFILE != "local" or not local_env.PATH.exists():
        return configured
    return local_env.read().get("KAFKA_BOOTSTRAP_SERVERS", configured)


def check_kafka() -> str | None:
    """Ask the broker for its topics."""
    try:
        _admin(_bootstrap_servers()).list_topics(timeout=2)
    except KafkaException as error:
        return f"Kafka does not answer: {error.args[0].name()}"
    return None


def check_outbox() -> str | None:
    """Refuse when the oldest unpublished event is over a minute old."""
    try:
        age = outbox_age_seconds()
    except OperationalError as error:
        return f"not readable: {type(error).__name__}"
    return f"the oldest event waits for {age:.0f} s" if age > MAX_OUTBOX_AGE_SECONDS else None


def check_relay() -> str | None:
    """Refuse when events wait because the relay, kept near the slowest group, waits for that group.

    A moment of it is how the relay keeps pace; longer than a bridge may be silent, it stands still.
    """
    try:
        if outbox_age_seconds() < BRIDGE_SILENCE_SECONDS:
            return None
        awaited = headroom.list_awaited()
    except OperationalError as error:
        return f"not readable: {type(error).__name__}"
    behind = ", ".join(f"{group}, {count} events behind" for group, count in awaited.items())
    return f"the relay waits for {behind}" if behind else None


def check_backlog() -> str | None:
    """Refuse when more work waits than the workers can catch up with soon."""
    try:
        waiting = count_open()
    except OperationalError as error:
        return f"not readable: {type(error).__name__}"
    return f"{waiting} items wait" if waiting > MAX_OPEN_ITEMS else None


def check_bridges() -> str | None:
    """Refuse when a group has no live bridge that was given partitions to read."""
    recent = timezone.now() - timedelta(seconds=BRIDGE_SILENCE_SECONDS)
    try:
        reading = set(
            BridgeMember.objects.filter(seen_at__gt=recent, partitions__gt=0).values_list("group", flat=True)
        )
    except OperationalError as error:
        return f"not readable: {type(error).__name__}"
    silent = sorted(set(settings.EVENT_GROUPS) - reading)
    return f"nobody reads for {', '.join(silent)}" if silent else None


def outbox_age_seconds() -> float:
    """Return the age of the oldest event that is not with Kafka yet, seconds; 0 when none waits."""
    return _number(
        """
        SELECT coalesce(extract(epoch FROM now() - min(waiting.created_at)), 0) FROM (
            SELECT created_at FROM outbox_events
            WHERE (txid, id) > (
                coalesce((SELECT txid FROM relay_cursors WHERE name = 'kafka'), '0'::xid8),
                coalesce((SELECT last_id FROM relay_cursors WHERE name = 'kafka'), 0))
            ORDER BY txid, id LIMIT 1) waiting
        """
    )


def xmin_horizon_age_seconds() -> float:
    """Return how long the oldest transaction that holds an id has been running, seconds."""
    return _number(
        """
        SELECT coalesce(extract(epoch FROM now() - min(xact_start)), 0)
        FROM pg_stat_activity WHERE backend_xid IS NOT NULL
        """
    )


def count_open() -> int:
    """Count the open items of all groups."""
    return WorkItem.objects.filter(state=WorkItem.State.OPEN).count()


def count_dead() -> int:
    """Count the items that were given up."""
    return WorkItem.objects.filter(state=WorkItem.State.DEAD).count()


def _number(sql: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return max(0.0, float(cursor.fetchone()[0]))
