"""The signals of one person, for an export, and whose signals came in a period."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from compliance.breaches.registry import between
from signals.models import Signal
from signals.services.opening import open_signals

CHUNK = 500
_PLAIN = ("id", "source", "type", "occurred_at", "received_at", "account", "strength", "attributes")


def export_signals(subject_id: UUID, actor: str, now: datetime) -> list[dict[str, Any]]:
    """Return every signal of a person with its sealed part, the oldest first.

    Reads the whole store: an index by person would cost every signal that comes in, and exports are rare.
    """
    rows = list(Signal.objects.filter(subject_id=subject_id).order_by("occurred_at", "id").values(*_PLAIN))
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        ids = [row["id"] for row in chunk]
        opened = open_signals(signal_ids=ids, actor=actor, purpose="privacy_export", now=now)
        for row in chunk:
            if (sealed := opened.get(row["id"])) is not None:
                row["external_id"], row["content"] = sealed.external_id, sealed.content
                row["name"], row["title"] = sealed.name, sealed.title
    return rows


def find_persons(since: datetime | None, before: datetime) -> Iterable[UUID | None]:
    """Return whom the signals received in a period are about."""
    rows = Signal.objects.filter(**between("received_at", since, before))
    return rows.values_list("subject_id", flat=True).distinct().iterator()
