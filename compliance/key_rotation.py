"""Wrap every data key under the current key-encryption key; what it seals stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from compliance import audit, keys
from compliance.models import MonthKey, Subject

ACTOR = "system:key-rotation"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What one transaction did; ``last`` is where the next one goes on, None when there is no more."""

    rotated: int
    last: UUID | None


@transaction.atomic
def rotate_subjects(*, after: UUID | None, limit: int, now: datetime) -> Chunk:
    """Rewrap the keys of up to ``limit`` persons behind an id; an erasure of one of them waits.

    Raises:
        WrappingKeyMissing: a key is wrapped by one that is neither current nor previous.
    """
    behind = Subject.objects.filter(wrapped_key__isnull=False)
    behind = behind.exclude(wrapping_key_id=keys.get_wrapping_key_id()).order_by("id")
    if after is not None:
        behind = behind.filter(id__gt=after)
    # NO KEY: writers that hold the data key of a person need not wait.
    rows = list(behind.select_for_update(no_key=True)[:limit])
    for row in rows:
        row.wrapped_key = _rewrap(row.wrapped_key, row.wrapping_key_id, row.id)
        row.wrapping_key_id = keys.get_wrapping_key_id()
    Subject.objects.bulk_update(rows, ["wrapped_key", "wrapping_key_id"])
    _record("subject", len(rows), now=now)
    return Chunk(rotated=len(rows), last=rows[-1].id if len(rows) == limit else None)


@transaction.atomic
def rotate_months(*, now: datetime) -> int:
    """Rewrap the keys of all months; return how many were behind."""
    behind = MonthKey.objects.filter(wrapped_key__isnull=False)
    rows = list(behind.exclude(wrapping_key_id=keys.get_wrapping_key_id()).select_for_update(no_key=True))
    for row in rows:
        row.wrapped_key = _rewrap(row.wrapped_key, row.wrapping_key_id, row.month)
        row.wrapping_key_id = keys.get_wrapping_key_id()
    MonthKey.objects.bulk_update(rows, ["wrapped_key", "wrapping_key_id"])
    _record("month", len(rows), now=now)
    return len(rows)


def count_behind() -> int:
    """Return how many data keys are not under the current key-encryption key."""
    current = keys.get_wrapping_key_id()
    return sum(
        model.objects.filter(wrapped_key__isnull=False).exclude(wrapping_key_id=current).count()
        for model in (Subject, MonthKey)
    )


def _rewrap(wrapped: bytes | memoryview | None, wrapping_key_id: str, owner: UUID | date) -> bytes:
    return keys.wrap_key(keys.unwrap_key(bytes(wrapped or b""), wrapping_key_id, owner), owner)


def _record(kind: str, count: int, *, now: datetime) -> None:
    if not count:
        return
    audit.record(
        [
            audit.AuditEntry(
                name="subject_keys.rotated",
                actor=ACTOR,
                target_type="wrapping_key",
                target_id=keys.get_wrapping_key_id(),
                at=now,
                payload={"kind": kind, "count": count},
            )
        ]
    )
