"""Data keys from the database: one per person, and one per month for rows without a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from compliance import keys
from compliance.models import MonthKey, Subject

# KEY SHARE lets writers of the same person run side by side but makes an erasure wait for their commit.
_HOLD_KEYS = """
SELECT id, wrapped_key, wrapping_key_id FROM subjects
WHERE id = ANY(%s) AND wrapped_key IS NOT NULL ORDER BY id FOR KEY SHARE
"""


class SubjectErased(Exception):
    """A person whose data was to be written is erased, or was never known; carries ids only."""

    def __init__(self, subject_ids: Collection[UUID]) -> None:
        super().__init__(f"{len(subject_ids)} subject(s) erased or unknown")
        self.subject_ids = frozenset(subject_ids)


def hold_subject_keys(subject_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Return the persons' data keys; they cannot be destroyed before the transaction ends.

    Raises:
        SubjectErased: a person has no key any more.
    """
    if not subject_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_KEYS, [list(subject_ids)])
        found = {
            subject_id: keys.unwrap_key(bytes(wrapped), key_id, subject_id)
            for subject_id, wrapped, key_id in cursor.fetchall()
        }
    if missing := set(subject_ids) - set(found):
        raise SubjectErased(missing)
    return found


def read_keys(owners: Collection[keys.KeyOwner]) -> dict[keys.KeyOwner, bytes]:
    """Return the data keys of persons and months that still exist."""
    subject_ids = [owner for owner in owners if isinstance(owner, UUID)]
    months = [owner for owner in owners if isinstance(owner, date)]
    fields = ("pk", "wrapped_key", "wrapping_key_id")
    rows: list[tuple[keys.KeyOwner, Any, str]] = []
    if subject_ids:
        rows.extend(
            Subject.objects.filter(pk__in=subject_ids, wrapped_key__isnull=False).values_list(*fields)
        )
    if months:
        rows.extend(MonthKey.objects.filter(pk__in=months, wrapped_key__isnull=False).values_list(*fields))
    return {owner: keys.unwrap_key(bytes(wrapped), key_id, owner) for owner, wrapped, key_id in rows}


def ensure_month_key(*, now: datetime) -> tuple[date, bytes]:
    """Return the month of ``now`` (UTC) and its data key, made on first use."""
    month = now.astimezone(UTC).date().replace(day=1)
    if found := read_keys([month]):
        return month, found[month]
    fresh = MonthKey(
        month=month,
        wrapped_key=keys.wrap_key(keys.make_data_key(), month),
        wrapping_key_id=keys.get_wrapping_key_id(),
        created_at=now,
    )
    # Another process may have been first: then its key stands and ours is forgotten.
    MonthKey.objects.bulk_create([fresh], ignore_conflicts=True)
    return month, read_keys([month])[month]


def list_owners(
    subject_ids: Sequence[UUID | None], *, now: datetime
) -> tuple[list[keys.KeyOwner], dict[keys.KeyOwner, bytes]]:
    """Return for each row whose key it needs, and all those keys, held until the transaction ends.

    Raises:
        SubjectErased: a person has no key any more.
    """
    held = hold_subject_keys({s for s in subject_ids if s is not None})
    data_keys: dict[keys.KeyOwner, bytes] = dict(held.items())
    month = now.astimezone(UTC).date().replace(day=1)
    if None in subject_ids:
        month, month_key = ensure_month_key(now=now)
        data_keys[month] = month_key
    return [month if s is None else s for s in subject_ids], data_keys
