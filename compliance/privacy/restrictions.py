"""Persons whose data is stored and nothing else: no scoring, no drafting."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from compliance import audit, subject_links, subjects
from compliance.models import Subject
from compliance.privacy import registry
from compliance.privacy.models import Restriction


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
    if not subject_ids:
        return set()
    groups = subject_links.list_groups(subject_ids)
    everyone = set(subject_ids).union(*groups.values())
    erased = Subject.objects.filter(id__in=subject_ids, erased_at__isnull=False).values_list("id")
    standing = Restriction.objects.filter(subject_id__in=everyone, lifted_at__isnull=True)
    found = {pk for (pk,) in erased.union(standing.values_list("subject_id"))}
    linked = {pk for pk, group in groups.items() if group & found}
    return (found & set(subject_ids)) | linked


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
