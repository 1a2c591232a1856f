"""Persons on record who are one person: what holds for one of them then holds for all.

Links form trees whose edges point to the survivor. A decision takes the strictest of all, a lock takes all,
and erasing one erases all. Rows are never deleted: `unlinked_at` ends one, so the past stays readable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.db import connection, transaction

from compliance import audit
from compliance.models import Subject, SubjectLink
from revctx.arrays import to_array
from revctx.reading import is_reading, look_up

_GROUPS = """
WITH RECURSIVE persons(start, id) AS (
    SELECT s, s FROM unnest(%s::uuid[]) AS s
  UNION
    SELECT p.start, n.id FROM persons p JOIN LATERAL (
        SELECT survivor_id AS id FROM subject_links WHERE subject_id = p.id AND unlinked_at IS NULL
      UNION ALL
        SELECT subject_id FROM subject_links WHERE survivor_id = p.id AND unlinked_at IS NULL
    ) AS n ON true
)
SELECT start, array_agg(id), (array_agg(id) FILTER (WHERE NOT EXISTS (
    SELECT FROM subject_links l WHERE l.subject_id = persons.id AND l.unlinked_at IS NULL)))[1]
FROM persons GROUP BY start HAVING count(*) > 1
"""
_ROOTS = """
WITH RECURSIVE up(start, id, depth) AS (
    SELECT l.subject_id, l.survivor_id, 1 FROM subject_links l
    WHERE l.subject_id = ANY(%(ids)s::uuid[]) AND {holds}
  UNION ALL
    SELECT up.start, l.survivor_id, up.depth + 1 FROM up JOIN subject_links l ON l.subject_id = up.id
    WHERE {holds}
)
SELECT DISTINCT ON (start) start, id FROM up ORDER BY start, depth DESC
"""
_ROOTS_NOW = _ROOTS.format(holds="l.unlinked_at IS NULL")
_ROOTS_THEN = _ROOTS.format(
    holds="l.linked_at <= %(known_at)s AND (l.unlinked_at IS NULL OR l.unlinked_at > %(known_at)s)"
)


class LinkRefused(Exception):
    """These persons can't be linked, or not any more; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


def list_groups(subject_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return for each linked person all who are that person, themselves included; the others are left out."""
    groups = look_up("groups of persons", subject_ids, _read_groups)
    return {start: members for start, (members, _) in groups.items()}


def list_group(subject_id: UUID) -> list[UUID]:
    """Return all who are this person, themselves included, in order of id."""
    return sorted(list_groups([subject_id]).get(subject_id, {subject_id}))


def find_roots(subject_ids: Collection[UUID], *, known_at: datetime | None = None) -> dict[UUID, UUID]:
    """Return the survivor of each person who has one, as it was on record at `known_at` (None: now)."""
    if known_at is None and is_reading():
        # A page asks for the groups anyway.
        groups = look_up("groups of persons", subject_ids, _read_groups)
        return {start: root for start, (_, root) in groups.items() if root != start}
    if not subject_ids:
        return {}
    query = _ROOTS_NOW if known_at is None else _ROOTS_THEN
    with connection.cursor() as cursor:
        cursor.execute(query, {"ids": to_array(subject_ids), "known_at": known_at})
        return dict(cursor.fetchall())


@transaction.atomic
def link(*, subject_id: UUID, survivor_id: UUID, actor: str, now: datetime) -> UUID:
    """Hold two persons for one, and return the link's id.

    Both are locked, so nothing is sent, withdrawn or erased for either meanwhile.

    Raises:
        LinkRefused: unknown, erased, the same person, or already linked to another.
    """
    group = {*list_group(subject_id), *list_group(survivor_id)}
    _lock(sorted(group), wanted=(subject_id, survivor_id))
    roots = find_roots([subject_id, survivor_id])
    if subject_id in roots:
        raise LinkRefused("already_linked", "this person is linked to another already")
    if subject_id in (survivor_id, roots.get(survivor_id)):
        raise LinkRefused("same_person", "these are one person already")
    row = SubjectLink(id=uuid4(), subject_id=subject_id, survivor_id=survivor_id, actor=actor, linked_at=now)
    row.save(force_insert=True)
    _record("subject.linked", row, actor=actor, now=now)
    return row.id


@transaction.atomic
def unlink(*, link_id: UUID, actor: str, now: datetime) -> None:
    """Hold the two for different persons again.

    Raises:
        LinkRefused: no such link, ended already, or one of them is erased, which can't be undone.
    """
    row = SubjectLink.objects.filter(id=link_id).first()
    if row is None:
        raise LinkRefused("not_linked", "there is no such link")
    _lock(list_group(row.subject_id), wanted=(row.subject_id, row.survivor_id))
    if not SubjectLink.objects.filter(id=link_id, unlinked_at=None).update(unlinked_at=now):
        raise LinkRefused("not_linked", "these persons are not linked any more")
    _record("subject.unlinked", row, actor=actor, now=now)


def _read_groups(subject_ids: Collection[UUID]) -> dict[UUID, tuple[frozenset[UUID], UUID]]:
    """Return who are one person, and the survivor: the one of them who is linked to nobody."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, [to_array(subject_ids)])
        return {start: (frozenset(members), root) for start, members, root in cursor.fetchall()}


def _lock(subject_ids: Sequence[UUID], *, wanted: Collection[UUID]) -> None:
    """Lock persons in order of id; those wanted must be there and not erased."""
    rows = Subject.objects.select_for_update(no_key=True).filter(id__in=subject_ids).order_by("id")
    alive = {subject_id for subject_id, erased_at in rows.values_list("id", "erased_at") if erased_at is None}
    if not alive.issuperset(wanted):
        raise LinkRefused("unknown_person", "one of these persons is not on record, or was erased")


def _record(name: str, row: SubjectLink, *, actor: str, now: datetime) -> None:
    entry = audit.AuditEntry(
        name=name,
        actor=actor,
        target_type="subject",
        target_id=str(row.subject_id),
        at=now,
        payload={"survivor_id": str(row.survivor_id), "link_id": str(row.id)},
    )
    audit.record([entry])
