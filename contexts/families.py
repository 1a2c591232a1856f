"""Which accounts count as one, and which persons: what every read of evidence asks first.

Rows keep the account and the person that they were written for; a merge changes how they are read.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection

from compliance import subject_links
from contexts.models import Account
from contexts.scoring import Bucket, ScoreState

# Account id → the account that it counts for. Who counts for himself is left out.
Roots = dict[UUID, UUID]

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


def find_roots(account_ids: Collection[UUID]) -> Roots:
    """Return the survivors of those accounts that are merged into another now."""
    if not account_ids:
        return {}
    merged = Account.objects.filter(id__in=account_ids, merged_into__isnull=False)
    return {pk: root for pk, root in merged.values_list("id", "merged_into_id") if root is not None}


def find_root(account_id: UUID, *, known_at: datetime | None = None) -> UUID:
    """Return the account that this one counts for, as it was known at `known_at` (None: now)."""
    roots = find_roots([account_id]) if known_at is None else _read_past(known_at)
    return roots.get(account_id, account_id)


def list_merged(survivor_ids: Collection[UUID] | None, *, known_at: datetime | None = None) -> Roots:
    """Return the accounts merged into these survivors (None: any), each with its survivor."""
    if known_at is None:
        merged = Account.objects.filter(merged_into__isnull=False)
        if survivor_ids is not None:
            merged = merged.filter(merged_into__in=list(survivor_ids))
        return {pk: root for pk, root in merged.values_list("id", "merged_into_id") if root is not None}
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


def _read_past(known_at: datetime) -> Roots:
    with connection.cursor() as cursor:
        cursor.execute(_THEN, {"at": known_at})
        return dict(cursor.fetchall())
