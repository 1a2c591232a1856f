"""Data keys from the database: one per person, and one per month for rows without a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from compliance import keys
from compliance.models import MonthKey, Subject
from revctx.statements import fetch_prepared

# KEY SHARE lets writers of the same person run side by side but makes an erasure wait for their commit.
_HOLD_KEYS = """
SELECT id, wrapped_key, wrapping_key_id FROM subjects
WHERE id = ANY(%s) AND wrapped_key IS NOT NULL ORDER BY id FOR KEY SHARE
"""
# Every transaction that seals asks for it.
_MONTH_KEY = """
SELECT wrapped_key, wrapping_key_id FROM month_keys WHERE month = %s AND wrapped_key IS NOT NULL
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


def month_of(now: datetime) -> date:
    """Return the first day of a moment's month, UTC."""
    return now.astimezone(UTC).date().replace(day=1)


def ensure_month_key(*, now: datetime) -> tuple[date, bytes]:
    """Return the month of ``now`` (UTC) and its data key, made on first use."""
    month = month_of(now)
    for wrapped, key_id in fetch_prepared(_MONTH_KEY, [month]):
        return month, keys.unwrap_key(bytes(wrapped), key_id, month)
    fresh = MonthKey(
        month=month,
        wrapped_key=keys.wrap_key(keys.make_data_key(), month),
        wrapping_key_id=keys.get_wrapping_key_id(),
        created_at=now,
    )
    # Another process may have been first: then its key stands and ours is forgotten.
    MonthKey.objects.bulk_create([fresh], ignore_conflicts=True)
    return month, read_keys([month])[month]


class HeldKeys:
    """Keys of persons, and of one month for rows without a person; good until the transaction ends.

    Rows name their owner by the person's id, or by None for the month.
    """

    def __init__(self, month: date, data_keys: Mapping[keys.KeyOwner, bytes]) -> None:
        self._month, self._data_keys = month, data_keys

    def seal(self, items: Sequence[tuple[UUID | None, bytes, bytes]]) -> list[bytes]:
        """Encrypt rows of (owner, plaintext, associated data), in order."""
        nonces = keys.draw_nonces(len(items))
        sealers = {owner: keys.make_sealer(key, owner, nonces) for owner, key in self._data_keys.items()}
        return [
            sealers[owner or self._month](plaintext, associated) for owner, plaintext, associated in items
        ]

    def fingerprint(self, items: Sequence[tuple[UUID | None, bytes]]) -> list[bytes]:
        """Return keyed hashes (36 bytes) of rows of (owner, content), in order."""
        hashers = {owner: keys.make_fingerprinter(key, owner) for owner, key in self._data_keys.items()}
        return [hashers[owner or self._month](content) for owner, content in items]


def hold_keys(*, subject_ids: Collection[UUID | None], now: datetime) -> HeldKeys:
    """Return the keys of these persons, and the key of the month of ``now`` if one of them is None.

    Raises:
        SubjectErased: a person has no key any more.
    """
    held = hold_subject_keys({s for s in subject_ids if s is not None})
    data_keys: dict[keys.KeyOwner, bytes] = dict(held.items())
    month = month_of(now)
    if None in subject_ids:
        data_keys[month] = ensure_month_key(now=now)[1]
    return HeldKeys(month, data_keys)
