"""Persons whose data is stored and nothing else: no scoring, no drafting."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import transaction

from compliance import audit, subject_links, subjects
from compliance.privacy import registry
from compliance.privacy.models import Restriction
from revctx.arrays import to_array
from revctx.statements import Answer, Rows, ask_prepared

# Of each person with their group (see `subject_links`): the survivor, and whether any of them is hidden.
_STANDING = """
WITH RECURSIVE persons(start, id) AS (
    SELECT s, s FROM unnest(%s::uuid[]) AS s
  UNION
    SELECT p.start, n.id FROM persons p JOIN LATERAL (
        SELECT survivor_id AS id FROM subject_links WHERE subject_id = p.id AND unlinked_at IS NULL
      UNION ALL
        SELECT subject_id FROM subject_links WHERE survivor_id = p.id AND unlinked_at IS NULL
    ) AS n ON true
), judged AS (
    SELECT p.start, p.id,
           EXISTS (SELECT FROM subject_links l WHERE l.subject_id = p.id AND l.unlinked_at IS NULL) AS linked,
           EXISTS (SELECT FROM subjects s WHERE s.id = p.id AND s.erased_at IS NOT NULL)
           OR EXISTS (SELECT FROM privacy_restrictions r WHERE r.subject_id = p.id AND r.lifted_at IS NULL)
           AS hidden
    FROM persons p
)
SELECT start, (array_agg(id) FILTER (WHERE NOT linked))[1], bool_or(hidden)
FROM judged GROUP BY start HAVING count(*) > 1 OR bool_or(hidden)
"""


class Standing(NamedTuple):
    """Of the persons asked for: who is hidden, and the survivor of each who is linked to another."""

    hidden: set[UUID]
    roots: dict[UUID, UUID]


def list_restricted(subject_ids: Collection[UUID]) -> set[UUID]:
    """Return which of the persons are restricted now, themselves or as another who is the same person."""
    if not subject_ids:
        return set()
    groups = subject_links.list_groups(subject_ids)
    everyone = set(subject_ids).union(*groups.values())
    standing = Restriction.objects.filter(subject_id__in=everyone, lifted_at__isnull=True)
    restricted = set(standing.values_list("subject_id", flat=True))
    linked = {subject_id for subject_id, group in groups.items() if group & restricted}
    return (restricted & set(subject_ids)) | linked


def list_hidden(subject_ids: Collection[UUID]) -> set[UUID]:
    """Return which of the persons nothing may be read of: erased or restricted."""
    return ask_standing(subject_ids).get().hidden


def ask_standing(subject_ids: Collection[UUID]) -> Answer[Standing]:
    """Ask which of the persons are hidden, and who is linked to whom; one statement, none for nobody.

    Hidden is who is erased or restricted, themselves or as another who is the same person.
    """
    if not subject_ids:
        return Answer(lambda: Standing(hidden=set(), roots={}))
    return ask_prepared(_STANDING, [to_array(subject_ids)], _read_standing)


def _read_standing(rows: Rows) -> Standing:
    return Standing(
        hidden={person for person, _, is_hidden in rows if is_hidden},
        roots={person: root for person, root, _ in rows if root != person},
    )


@transaction.atomic
def restrict(*, subject_id: UUID, reason: str, actor: str, now: datetime) -> bool:
    """Restrict a person and stop what is pending for them; return False if they were restricted.

    Raises:
        UnknownSubject: no such person.
    """
    subjects.lock_subject(subject_id)
    if Restriction.objects.filter(subject_id=subject_id, lifted_at__isnull=True).exists():
        return False
    Restriction.objects.create(id=uuid4(), subject_id=subject_id, reason=reason, restricted_at=now)
    run_stoppers(subject_id, "restricted", now=now)
    _record("subject.restricted", subject_id, actor=actor, now=now, reason=reason)
    return True


@transaction.atomic
def lift(*, subject_id: UUID, actor: str, now: datetime) -> bool:
    """Lift a person's restriction; return False if there was none.

    Raises:
        UnknownSubject: no such person.
    """
    subjects.lock_subject(subject_id)
    standing = Restriction.objects.filter(subject_id=subject_id, lifted_at__isnull=True)
    if not standing.update(lifted_at=now):
        return False
    run_stoppers(subject_id, "unrestricted", now=now)  # scores without the person are out of date now
    _record("subject.unrestricted", subject_id, actor=actor, now=now, reason="lifted")
    return True


def run_stoppers(subject_id: UUID, reason: str, *, now: datetime) -> None:
    """Have every app cancel what is pending for a person and all linked to them, in order of name."""
    for member in subject_links.list_group(subject_id):
        for name in sorted(registry.stoppers):
            registry.stoppers[name](member, reason, now)


def _record(name: str, subject_id: UUID, *, actor: str, now: datetime, reason: str) -> None:
    entry = audit.AuditEntry(
        name=name,
        actor=actor,
        target_type="subject",
        target_id=str(subject_id),
        at=now,
        payload={"reason": reason},
    )
    audit.record([entry])
