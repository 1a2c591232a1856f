"""Read evidence out of the database in the form that scoring takes: one query for many accounts."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection

from compliance import subjects
from compliance.privacy.restrictions import list_restricted
from contexts.contracts import ActiveConfigs
from contexts.families import Roots, find_persons, fold, list_merged
from contexts.scoring import Bucket, oldest_bucket

T = TypeVar("T")
END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
Evidence = dict[UUID, list[Bucket]]

_ALWAYS = -(2**62)  # damping lasts until lifted, however old it is

# Each read is bounded by the first bucket that still counts for its type.
_BUCKETS = """
SELECT b.account_id, b.type, b.stage, b.subject_id, b.bucket, b.mass,
       (extract(epoch FROM b.latest_at) * 1000000)::bigint
FROM contexts_scorebucket b
LEFT JOIN unnest(%(types)s::text[], %(oldest)s::bigint[]) AS o(type, bucket) ON o.type = b.type
WHERE b.decay_id = %(decay)s AND b.account_id = ANY(%(accounts)s::uuid[])
  AND b.bucket >= coalesce(o.bucket, %(other)s)
"""
_LEDGER = """
SELECT l.account_id, l.type, l.stage, l.subject_id, l.bucket, sum(l.mass)::bigint,
       (extract(epoch FROM max(l.occurred_at)) * 1000000)::bigint
FROM contexts_ledgerentry l
LEFT JOIN unnest(%(types)s::text[], %(oldest)s::bigint[]) AS o(type, bucket) ON o.type = l.type
WHERE l.decay_id = %(decay)s {accounts}
  AND l.occurred_at <= %(as_of)s AND l.recorded_at <= %(known_at)s
  AND l.bucket >= coalesce(o.bucket, %(other)s)
GROUP BY 1, 2, 3, 4, 5
"""
_ALL_LEDGER = _LEDGER.format(accounts="")
_SOME_LEDGER = _LEDGER.format(accounts="AND l.account_id = ANY(%(accounts)s::uuid[])")


def read_buckets(*, account_ids: Collection[UUID], configs: ActiveConfigs, at: datetime) -> Evidence:
    """Return the current evidence of accounts and of those merged into them, without erased persons'."""
    if not account_ids:
        return {}
    merged = list_merged(account_ids)
    return _read(_BUCKETS, {"accounts": [*account_ids, *merged]} | _bounds(configs, at), merged)


def read_ledger(
    *, account_ids: Collection[UUID] | None, configs: ActiveConfigs, as_of: datetime, known_at: datetime
) -> Evidence:
    """Return the evidence that had occurred by `as_of` and was recorded by `known_at`.

    Merges count as they were on record at `known_at`. `account_ids` None means all accounts.
    """
    then = known_at if known_at < END_OF_TIME else None
    merged = list_merged(account_ids, known_at=then)
    query = _ALL_LEDGER if account_ids is None else _SOME_LEDGER
    parameters = {"as_of": as_of, "known_at": known_at} | _bounds(configs, as_of)
    parameters["accounts"] = [*(account_ids or ()), *merged]
    return _read(query, parameters, merged, known_at=then)


def without_erased(rows: Iterable[T], subject_of: Callable[[T], UUID | None]) -> list[T]:
    """Return the rows whose person, if any, is neither erased nor restricted."""
    kept = list(rows)
    persons = {person for row in kept if (person := subject_of(row))}
    hidden = subjects.list_erased(persons) | list_restricted(persons)
    return [row for row in kept if subject_of(row) not in hidden] if hidden else kept


def _bounds(configs: ActiveConfigs, at: datetime) -> dict[str, Any]:
    decay, weight = configs.decay, configs.weight
    lasting = set(weight.damping) | {kind for kinds in weight.lifting.values() for kind in kinds}
    types = sorted(set(decay.half_lives) | lasting)
    oldest = [
        _ALWAYS if kind in lasting else oldest_bucket(signal_type=kind, at=at, decay=decay) for kind in types
    ]
    other = oldest_bucket(signal_type="", at=at, decay=decay)
    return {"decay": configs.decay_id, "types": types, "oldest": oldest, "other": other}


def _read(
    query: str, parameters: Mapping[str, Any], merged: Roots, *, known_at: datetime | None = None
) -> Evidence:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows = without_erased(cursor.fetchall(), lambda row: row[3])
    evidence: Evidence = defaultdict(list)
    for account_id, kind, stage, subject_id, n, mass, latest in rows:
        person = str(subject_id) if subject_id else ""
        evidence[merged.get(account_id, account_id)].append(Bucket(kind, stage, person, n, mass, latest))
    persons = find_persons((row[3] for row in rows), known_at=known_at)
    for account_id in evidence if persons else set(merged.values()) & evidence.keys():
        evidence[account_id] = fold(evidence[account_id], persons)
    return evidence
