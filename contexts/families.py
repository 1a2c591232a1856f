"""Which accounts count as one, and which persons: what every read of evidence asks first.

Rows keep the account and the person that they were written for; a merge changes how they are read.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from compliance import subject_links
from contexts.models import Account
from contexts.scoring import Bucket, ScoreState
from revctx.arrays import to_array
from revctx.reading import look_up
from revctx.statements import fetch_prepared

# Account id → the account that it counts for. Who counts for himself is left out.
Roots = dict[UUID, UUID]

_SURVIVORS = "survivors of accounts"
_SURVIVORS_OF = """
SELECT id, merged_into_id FROM contexts_account WHERE id = ANY(%s::uuid[]) AND merged_into_id IS NOT NULL
"""
_FAMILIES = "SELECT id, merged_into_id FROM contexts_account WHERE merged_into_id = ANY(%s::uuid[])"
_THEN = """
WITH RECURSIVE edges AS (
    SELECT merged_id, survivor_id FROM contexts_identitymerge
    WHERE kind = 'account' AND merged_at <= %(at)s AND (undone_at IS NULL OR undone_at > %(at)s)
), up(start, id, depth) AS (
    SELECT merged_id, survivor_id, 1 FROM edges
  UNION ALL
    SELECT up.start, e.survivor_id, up.depth + 1 FROM up JOIN edges e ON e.merged_id = up.id
)
SELECT DISTINCT ON (start) start, id FROM up ORDER BY start, depth DESC
"""
# For a few accounts, by the index on who is merged.
_SOME_THEN = """
WITH RECURSIVE up(start, id, depth) AS (
    SELECT a.id, a.id, 0 FROM unnest(%(accounts)s::uuid[]) AS a(id)
  UNION ALL
    SELECT up.start, m.survivor_id, up.depth + 1
    FROM up JOIN contexts_identitymerge m ON m.merged_id = up.id
    WHERE m.kind = 'account' AND m.merged_at <= %(at)s AND (m.undone_at IS NULL OR m.undone_at > %(at)s)
)
SELECT DISTINCT ON (start) start, id FROM up WHERE depth > 0 ORDER BY start, depth DESC
"""


def find_roots(account_ids: Collection[UUID], *, known_at: datetime | None = None) -> Roots:
    """Return the survivors of those accounts that are merged into another at `known_at` (None: now)."""
    if known_at is None:
        return look_up(_SURVIVORS, account_ids, _read_roots)
    with connection.cursor() as cursor:
        cursor.execute(_SOME_THEN, {"accounts": to_array(account_ids), "at": known_at})
        return dict(cursor.fetchall())


def find_root(account_id: UUID, *, known_at: datetime | None = None) -> UUID:
    """Return the account that this one counts for, as it was known at `known_at` (None: now)."""
    return find_roots([account_id], known_at=known_at).get(account_id, account_id)


def list_merged(survivor_ids: Collection[UUID] | None, *, known_at: datetime | None = None) -> Roots:
    """Return the accounts merged into these survivors (None: any), each with its survivor."""
    if known_at is None and survivor_ids is not None:
        families = look_up("families of accounts", survivor_ids, _read_families)
        return {pk: root for root, members in families.items() for pk in members}
    if known_at is None:
        return _as_roots(Account.objects.filter(merged_into__isnull=False))
    roots = _read_past(known_at)
    wanted = None if survivor_ids is None else set(survivor_ids)
    return {pk: root for pk, root in roots.items() if wanted is None or root in wanted}


def list_members(account_id: UUID, *, known_at: datetime | None = None) -> list[UUID]:
    """Return the accounts whose evidence counts for this one, itself first."""
    return [account_id, *sorted(list_merged([account_id], known_at=known_at))]


def find_persons(subject_ids: Iterable[UUID | None], *, known_at: datetime | None = None) -> Roots:
    """Return the survivors of those persons that are linked to another."""
    known = {subject_id for subject_id in subject_ids if subject_id is not None}
    return subject_links.find_roots(known, known_at=known_at)


def fold(buckets: Iterable[Bucket], persons: Mapping[UUID, UUID]) -> list[Bucket]:
    """Return the buckets as if every person had always been the survivor; masses are integers and add up."""
    names = {str(old): str(new) for old, new in persons.items()}
    state = ScoreState()
    for bucket in buckets:
        state.add(bucket._replace(person=names.get(bucket.person, bucket.person)))
    return state.buckets()


def note_root(account: Account) -> None:
    """Let a page that has read an account not ask again what it is merged into."""
    survivor = account.merged_into_id
    look_up(_SURVIVORS, [account.id], lambda _: {account.id: survivor} if survivor else {})


def _read_roots(account_ids: Collection[UUID]) -> Roots:
    return dict(fetch_prepared(_SURVIVORS_OF, [to_array(account_ids)]))


def _read_families(survivor_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    families: dict[UUID, list[UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_FAMILIES, [to_array(survivor_ids)])
        for pk, root in cursor.fetchall():
            families.setdefault(root, []).append(pk)
    return families


def _as_roots(merged: "QuerySet[Account]") -> Roots:
    return {pk: root for pk, root in merged.values_list("id", "merged_into_id") if root is not None}


def _read_past(known_at: datetime) -> Roots:
    with connection.cursor() as cursor:
        cursor.execute(_THEN, {"at": known_at})
        return dict(cursor.fetchall())
