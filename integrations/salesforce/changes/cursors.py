"""Where each stream of changes was left."""

from datetime import datetime

from django.db.models import Min

from integrations.salesforce.models import ChangeCursor


def find_position(topic: str) -> bytes | None:
    """Return the position to go on behind, or None when the topic was never read."""
    cursor = ChangeCursor.objects.filter(topic=topic).first()
    return None if cursor is None else bytes(cursor.replay_id)


def move(*, topic: str, position: bytes, now: datetime) -> None:
    """Keep a position; call it in the transaction of what was read up to it."""
    ChangeCursor.objects.update_or_create(topic=topic, defaults={"replay_id": position, "heard_at": now})


def read_age_seconds(*, now: datetime) -> float:
    """Return how long the quietest stream has not told its position, seconds; 0 without streams."""
    oldest: datetime | None = ChangeCursor.objects.aggregate(oldest=Min("heard_at"))["oldest"]
    return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
