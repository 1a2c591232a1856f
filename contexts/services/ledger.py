"""Ledger and buckets: a signal's mass is added only where its ledger row is new."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contexts.scoring import Bucket
from revctx.arrays import to_array
from revctx.statements import fetch_prepared, run_prepared

_ADD_ENTRIES = """
INSERT INTO contexts_ledgerentry (signal_id, decay_id, account_id, type, stage, subject_id,
                                  occurred_at, strength, bucket, mass, recorded_at)
SELECT r.signal_id, %s, r.account_id, r.type, r.stage, r.subject_id,
       r.occurred_at, r.strength, r.bucket, r.mass, r.recorded_at
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[],
            %s::timestamptz[], %s::float8[], %s::bigint[], %s::bigint[], %s::timestamptz[])
     WITH ORDINALITY
     AS r(signal_id, account_id, type, stage, subject_id, occurred_at, strength, bucket, mass, recorded_at, n)
ORDER BY r.n
ON CONFLICT (signal_id, decay_id) DO NOTHING
RETURNING signal_id, EXISTS (
    SELECT FROM contexts_retraction r WHERE r.signal_id = contexts_ledgerentry.signal_id)
"""
_ADD_MASS = """
INSERT INTO contexts_scorebucket AS b (account_id, decay_id, type, stage, subject_id, bucket, mass, latest_at)
SELECT r.account_id, %s, r.type, r.stage, r.subject_id, r.bucket, r.mass, r.latest_at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::bigint[], %s::bigint[], %s::timestamptz[])
     WITH ORDINALITY AS r(account_id, type, stage, subject_id, bucket, mass, latest_at, n)
ORDER BY r.n
ON CONFLICT (account_id, decay_id, type, stage, subject_id, bucket)
DO UPDATE SET mass = b.mass + excluded.mass, latest_at = greatest(b.latest_at, excluded.latest_at)
"""


class LedgerRow(NamedTuple):
    """One signal that shall count for an account; strength in (0, 10]."""

    signal_id: UUID
    account_id: UUID
    subject_id: UUID | None
    occurred_at: datetime
    strength: float
    recorded_at: datetime
    bucket: Bucket


def add_to_ledger(*, rows: Sequence[LedgerRow], decay_id: int) -> set[UUID]:
    """Add signals to ledger and buckets, two statements in the caller's transaction.

    Returns: the ids that were new; the others have counted before, or were retracted, and change nothing.
    """
    unique = sorted({row.signal_id: row for row in rows}.values(), key=lambda row: row.signal_id.int)
    if not unique:
        return set()
    entries = fetch_prepared(_ADD_ENTRIES, [decay_id, *map(to_array, _entry_columns(unique))])
    added = {signal_id for signal_id, is_retracted in entries if not is_retracted}
    if fresh := [row for row in unique if row.signal_id in added]:
        run_prepared(_ADD_MASS, [decay_id, *map(to_array, _bucket_columns(fresh))])
    return added


def _entry_columns(rows: Sequence[LedgerRow]) -> list[list[object]]:
    return [
        [row.signal_id for row in rows],
        [row.account_id for row in rows],
        [row.bucket.type for row in rows],
        [row.bucket.stage for row in rows],
        [row.subject_id for row in rows],
        [row.occurred_at for row in rows],
        [row.strength for row in rows],
        [row.bucket.n for row in rows],
        [row.bucket.mass for row in rows],
        [row.recorded_at for row in rows],
    ]


def _bucket_columns(rows: Sequence[LedgerRow]) -> list[list[object]]:
    """Sum the rows by bucket, sorted by key, so that two writers never wait for each other in a circle."""
    sums: dict[tuple[int, str, str, int, int], tuple[int, datetime, LedgerRow]] = {}
    for row in rows:
        # Ids as integers, which sort like the ids, but a multiple quicker.
        person = row.subject_id.int if row.subject_id else -1
        key = (row.account_id.int, row.bucket.type, row.bucket.stage, person, row.bucket.n)
        mass, latest, _ = sums.get(key, (0, row.occurred_at, row))
        sums[key] = (mass + row.bucket.mass, max(latest, row.occurred_at), row)
    ordered = [sums[key] for key in sorted(sums)]
    return [
        [row.account_id for _, _, row in ordered],
        [row.bucket.type for _, _, row in ordered],
        [row.bucket.stage for _, _, row in ordered],
        [row.subject_id for _, _, row in ordered],
        [row.bucket.n for _, _, row in ordered],
        [mass for mass, _, _ in ordered],
        [latest for _, latest, _ in ordered],
    ]
