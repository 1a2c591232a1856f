"""The fence against storing an event twice: one natural key, one signal, and linked other versions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from compliance import subjects
from revctx.arrays import to_array
from revctx.statements import fetch_prepared
from signals.contracts import IngestResult
from signals.models import SignalConflict, SignalKey
from signals.normalization import comparable
from signals.services.candidates import Candidate

Key = tuple[str, bytes]

_CLAIM_KEYS = """
    INSERT INTO signal_keys (source, key_hash, signal_id, subject_id, fingerprint, received_at)
    SELECT source, key_hash, signal_id, subject_id, fingerprint, %s
    FROM unnest(%s::text[], %s::bytea[], %s::uuid[], %s::uuid[], %s::bytea[])
        AS new (source, key_hash, signal_id, subject_id, fingerprint)
    ORDER BY source, key_hash
    ON CONFLICT (source, key_hash) DO NOTHING
    RETURNING signal_id
"""
_FIND_KEYS = """
    SELECT signal_keys.* FROM signal_keys
    JOIN unnest(%s::text[], %s::bytea[]) AS wanted (source, key_hash) USING (source, key_hash)
"""
_CLAIM_CONFLICTS = """
    INSERT INTO signal_conflicts (key_id, signal_id, subject_id, fingerprint, received_at)
    SELECT key_id, signal_id, subject_id, fingerprint, %s
    FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::bytea[])
        AS new (key_id, signal_id, subject_id, fingerprint)
    ORDER BY key_id, fingerprint
    ON CONFLICT (key_id, fingerprint) DO NOTHING
    RETURNING signal_id
"""


class Claim(NamedTuple):
    """What becomes of a candidate; `conflicts_with` names the first version of the event."""

    candidate: Candidate
    result: IngestResult
    conflicts_with: UUID | None = None


def claim(*, candidates: Sequence[Candidate], now: datetime) -> list[Claim]:
    """Claim the natural keys of candidates inside the caller's transaction; return in their order.

    A result's id is the candidate's own when it must be stored, the stored one's when it is a duplicate.
    """
    taken = _claim_keys(candidates, now)
    losers = [candidate for candidate in candidates if candidate.signal_id not in taken]
    resolved = {claim.candidate.signal_id: claim for claim in _resolve(losers, now)} if losers else {}
    return [
        resolved.get(candidate.signal_id) or Claim(candidate, IngestResult(candidate.signal_id, "accepted"))
        for candidate in candidates
    ]


def _claim_keys(candidates: Sequence[Candidate], now: datetime) -> set[UUID]:
    """Insert the keys that are new; of one key in the list twice only the first is tried."""
    first: dict[Key, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.key, candidate)
    rows = first.values()
    columns: list[Any] = [
        [row.key[0] for row in rows],
        [row.key[1] for row in rows],
        [row.signal_id for row in rows],
        [row.subject_id for row in rows],
        [row.fingerprint for row in rows],
    ]
    return {signal_id for (signal_id,) in fetch_prepared(_CLAIM_KEYS, [now, *map(to_array, columns)])}


def _resolve(losers: list[Candidate], now: datetime) -> list[Claim]:
    """Tell for candidates whose key was taken whether they repeat a stored version or differ from all."""
    found = _find_keys({loser.key for loser in losers})
    repeated = _match([(loser, version) for loser in losers for version in _versions(found[loser.key])])
    differing = [loser for loser in losers if loser.signal_id not in repeated]
    kept = _claim_conflicts(differing, found, now) if differing else set()
    claims = []
    for loser in losers:
        original = found[loser.key].signal_id
        if loser.signal_id in kept:
            claims.append(Claim(loser, IngestResult(loser.signal_id, "conflict"), conflicts_with=original))
        else:
            claims.append(Claim(loser, IngestResult(repeated.get(loser.signal_id, original), "duplicate")))
    return claims


def _find_keys(keys: set[Key]) -> dict[Key, SignalKey]:
    ordered = sorted(keys)
    rows = SignalKey.objects.raw(
        _FIND_KEYS, [[source for source, _ in ordered], [key_hash for _, key_hash in ordered]]
    ).prefetch_related("conflicts")
    return {(row.source, bytes(row.key_hash)): row for row in rows}


def _versions(key: SignalKey) -> list[SignalKey | SignalConflict]:
    return [key, *key.conflicts.all()]


def _match(pairs: list[tuple[Candidate, SignalKey | SignalConflict]]) -> dict[UUID, UUID]:
    """Return candidate → the stored version that it repeats.

    A version of an erased person can't be compared any more; a report of it is taken as the repetition it
    most likely is, for storing it would bring the person's event back. A version under a living person's
    key is compared with all that was reported, for under that key nothing outlives the person.
    """
    erased = subjects.list_erased({version.subject_id for _, version in pairs if version.subject_id})
    agreed = subjects.matches_fingerprint(
        items=[
            (
                version.subject_id,
                comparable(candidate.reported if version.subject_id else candidate.signal),
                bytes(version.fingerprint),
            )
            for candidate, version in pairs
        ]
    )
    return {
        candidate.signal_id: version.signal_id
        for (candidate, version), agrees in zip(pairs, agreed, strict=True)
        if agrees or version.subject_id in erased
    }


def _claim_conflicts(differing: list[Candidate], found: dict[Key, SignalKey], now: datetime) -> set[UUID]:
    """Insert the other versions that nobody stored meanwhile; return the ids of those to store."""
    columns: list[Any] = [
        [found[row.key].id for row in differing],
        [row.signal_id for row in differing],
        [row.subject_id for row in differing],
        [row.fingerprint for row in differing],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_CONFLICTS, [now, *map(to_array, columns)])
        return {signal_id for (signal_id,) in cursor.fetchall()}
