"""Read evidence out of the database in the form that scoring takes: one query for many accounts."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection

from compliance.privacy.restrictions import ask_standing
from contexts.contracts import ActiveConfigs
from contexts.families import Roots, find_persons, fold, list_merged
from contexts.scoring import Bucket, oldest_bucket
from revctx.arrays import to_array
from revctx.reading import look_up
from revctx.statements import Answer, Rows, ask_prepared

T = TypeVar("T")
END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
Evidence = dict[UUID, list[Bucket]]

_ALWAYS = -(2**62)  # damping lasts until lifted, however old it is

# Each read is bounded by the first bucket that still counts for its type. Ids come as texts: there are a few
# of them in many rows, and making a UUID of each would cost more than the rest of the row. The last columns
# are the account that a row counts for, and whether it was written for another.
_BUCKETS = """
WITH members(id, root) AS (
    SELECT a, a FROM unnest(%(accounts)s::uuid[]) AS a WHERE NOT EXISTS (
        SELECT FROM contexts_account c WHERE c.id = a AND c.merged_into_id = ANY(%(accounts)s::uuid[]))
  UNION ALL
    SELECT id, merged_into_id FROM contexts_account WHERE merged_into_id = ANY(%(accounts)s::uuid[])
)
SELECT b.type, b.stage, coalesce(b.subject_id::text, ''), b.bucket, b.mass,
       (extract(epoch FROM b.latest_at) * 1000000)::bigint, m.root::text, m.id <> m.root
FROM members m JOIN contexts_scorebucket b ON b.account_id = m.id
LEFT JOIN unnest(%(types)s::text[], %(oldest)s::bigint[]) AS o(type, bucket) ON o.type = b.type
WHERE b.decay_id = %(decay)s AND b.bucket >= coalesce(o.bucket, %(other)s)
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
    """Return the current evidence of accounts and of those merged into them, without hidden persons'."""
    return ask_buckets(account_ids=account_ids, configs=configs, at=at).get()


def ask_buckets(*, account_ids: Collection[UUID], configs: ActiveConfigs, at: datetime) -> Answer[Evidence]:
    """Ask for what `read_buckets` returns; who is hidden is asked when the answer is read."""
    if not account_ids:
        return Answer(dict)
    parameters = {"accounts": to_array(set(account_ids))} | read_bounds(configs, at)
    return ask_prepared(_BUCKETS, parameters, _make_evidence)


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
    roots = {str(pk): str(root) for pk, root in merged.items()}
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows = [(*row[:6], roots.get(row[6], row[6]), row[6] in roots) for row in cursor.fetchall()]
    return _make_evidence(rows, known_at=then)


def without_erased(rows: Iterable[T], subject_of: Callable[[T], UUID | None]) -> list[T]:
    """Return the rows whose person, if any, is neither erased nor restricted."""
    kept = list(rows)
    persons = {person for row in kept if (person := subject_of(row))}
    hidden, _ = _judge(persons)
    return [row for row in kept if subject_of(row) not in hidden] if hidden else kept


def _judge(persons: Collection[UUID]) -> tuple[set[UUID], Roots]:
    """Return who of the persons is hidden, and the survivors of those who are linked to another."""
    found = look_up("standing of persons", persons, _read_standing)
    hidden = {person for person, (is_hidden, _) in found.items() if is_hidden}
    return hidden, {person: root for person, (_, root) in found.items() if root != person}


def _read_standing(persons: Collection[UUID]) -> dict[UUID, tuple[bool, UUID]]:
    standing = ask_standing(persons).get()
    told = standing.hidden | standing.roots.keys()
    return {person: (person in standing.hidden, standing.roots.get(person, person)) for person in told}


def read_bounds(configs: ActiveConfigs, at: datetime) -> dict[str, Any]:
    """Return for each type the oldest bucket that still counts at `at`, as parameters of a query."""
    decay, weight = configs.decay, configs.weight
    lasting = set(weight.damping) | {kind for kinds in weight.lifting.values() for kind in kinds}
    types = sorted(set(decay.half_lives) | lasting)
    oldest = [
        _ALWAYS if kind in lasting else oldest_bucket(signal_type=kind, at=at, decay=decay) for kind in types
    ]
    other = oldest_bucket(signal_type="", at=at, decay=decay)
    return {
        "decay": configs.decay_id,
        "types": to_array(types),
        "oldest": to_array(oldest),
        "other": other,
    }


def _make_evidence(rows: Rows, *, known_at: datetime | None = None) -> Evidence:
    """Return evidence of rows as the statements give them, hidden persons left out, linked ones as one."""
    names = {name: UUID(name) for name in {row[2] for row in rows} if name}
    hidden, linked = _judge(set(names.values()))
    unread = {name for name, person in names.items() if person in hidden}
    by_account: dict[str, list[Bucket]] = defaultdict(list)
    for row in rows:
        if row[2] not in unread:
            by_account[row[6]].append(Bucket._make(row[:6]))
    shown = [person for name, person in names.items() if name not in unread]
    persons = linked if known_at is None else find_persons(shown, known_at=known_at)
    joined = by_account.keys() if persons else {row[6] for row in rows if row[7]} & by_account.keys()
    for name in joined:
        by_account[name] = fold(by_account[name], persons)
    return defaultdict(list, {UUID(name): buckets for name, buckets in by_account.items()})
