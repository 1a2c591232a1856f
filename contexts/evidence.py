"""Read evidence out of the database in the form that scoring takes: one query for many accounts."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection

from compliance.privacy.restrictions import list_hidden
from contexts.contracts import ActiveConfigs
from contexts.families import Roots, find_persons, fold, list_merged
from contexts.scoring import Bucket, oldest_bucket
from revctx.arrays import to_array
from revctx.reading import look_up

T = TypeVar("T")
END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
Evidence = dict[UUID, list[Bucket]]

_ALWAYS = -(2**62)  # damping lasts until lifted, however old it is

# Each read is bounded by the first bucket that still counts for its type. Ids come as texts: there are a few
# of them in many rows, and making a UUID of each would cost more than the rest of the row.
_BUCKETS = """
SELECT b.type, b.stage, coalesce(b.subject_id::text, ''), b.bucket, b.mass,
       (extract(epoch FROM b.latest_at) * 1000000)::bigint, b.account_id::text
FROM contexts_scorebucket b
LEFT JOIN unnest(%(types)s::text[], %(oldest)s::bigint[]) AS o(type, bucket) ON o.type = b.type
WHERE b.decay_id = %(decay)s AND b.account_id = ANY(%(accounts)s::uuid[])
  AND b.bucket >= coalesce(o.bucket, %(other)s)
"""
_LEDGER = """
SELECT l.type, l.stage, coalesce(l.subject_id::text, ''), l.bucket, sum(l.mass)::bigint,
       (extract(epoch FROM max(l.occurred_at)) * 1000000)::bigint, l.account_id::text
FROM contexts_ledgerentry l
LEFT JOIN unnest(%(types)s::text[], %(oldest)s::bigint[]) AS o(type, bucket) ON o.type = l.type
WHERE l.decay_id = %(decay)s {accounts}
  AND l.occurred_at <= %(as_of)s AND l.recorded_at <= %(known_at)s
  AND l.bucket >= coalesce(o.bucket, %(other)s)
  AND NOT EXISTS (
    SELECT FROM contexts_retraction r
    WHERE r.signal_id = l.signal_id AND r.retracted_at <= %(known_at)s)
GROUP BY l.account_id, l.type, l.stage, l.subject_id, l.bucket
"""
_ALL_LEDGER = _LEDGER.format(accounts="")
_SOME_LEDGER = _LEDGER.format(accounts="AND l.account_id = ANY(%(accounts)s::uuid[])")


def read_buckets(*, account_ids: Collection[UUID], configs: ActiveConfigs, at: datetime) -> Evidence:
    """Return the current evidence of accounts and of those merged into them, without erased persons'."""
    if not account_ids:
        return {}
    merged = list_merged(account_ids)
    return _read(_BUCKETS, {"accounts": to_array([*account_ids, *merged])} | read_bounds(configs, at), merged)


def read_ledger(
    *, account_ids: Collection[UUID] | None, configs: ActiveConfigs, as_of: datetime, known_at: datetime
) -> Evidence:
    """Return the evidence that had occurred by `as_of` and was recorded by `known_at`.

    Merges count as they were on record at `known_at`. `account_ids` None means all accounts.
    """
    then = known_at if known_at < END_OF_TIME else None
    merged = list_merged(account_ids, known_at=then)
    query = _ALL_LEDGER if account_ids is None else _SOME_LEDGER
    parameters = {"as_of": as_of, "known_at": known_at} | read_bounds(configs, as_of)
    parameters["accounts"] = to_array([*(account_ids or ()), *merged])
    return _read(query, parameters, merged, known_at=then)


def without_erased(rows: Iterable[T], subject_of: Callable[[T], UUID | None]) -> list[T]:
    """Return the rows whose person, if any, is neither erased nor restricted."""
    kept = list(rows)
    persons = {person for row in kept if (person := subject_of(row))}
    hidden = look_up("hidden persons", persons, _find_hidden)
    return [row for row in kept if subject_of(row) not in hidden] if hidden else kept


def _find_hidden(persons: Collection[UUID]) -> dict[UUID, bool]:
    return dict.fromkeys(list_hidden(persons), True)


def read_bounds(configs: ActiveConfigs, at: datetime) -> dict[str, Any]:
    """Return for each type the oldest bucket that still counts at `at`, as parameters of a query."""
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
        rows = cursor.fetchall()
    names = {name: UUID(name) for name in {row[2] for row in rows} if name}
    hidden = look_up("hidden persons", set(names.values()), _find_hidden)
    unread = {name for name, person in names.items() if person in hidden}
    by_account: dict[str, list[Bucket]] = defaultdict(list)
    for row in rows:
        if row[2] not in unread:
            by_account[row[6]].append(Bucket._make(row[:6]))
    evidence: Evidence = defaultdict(list)
    for text, buckets in by_account.items():
        account_id = UUID(text)
        evidence[merged.get(account_id, account_id)] += buckets
    persons = find_persons(
        (person for name, person in names.items() if name not in unread), known_at=known_at
    )
    for account_id in evidence if persons else set(merged.values()) & evidence.keys():
        evidence[account_id] = fold(evidence[account_id], persons)
    return evidence
