"""Statements as rows: appending revisions with audit and events, and reading them back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db.models import QuerySet

from compliance import audit, subject_links
from compliance.consent_rules import Status
from compliance.contracts import ConsentStatement
from compliance.models import ConsentRevision
from revctx.eventbus.envelope import Event
from revctx.eventbus.outbox import enqueue
from revctx.eventbus.topics import CONSENT_CHANGED


def append(revisions: list[ConsentRevision], *, actor: str, now: datetime) -> list[ConsentStatement]:
    """Store new revisions of one locked subject, with audit rows and events."""
    if not revisions:
        return []
    numbers = {(s.purpose, s.channel): s.number for s in list_standing(subject_id=revisions[0].subject_id)}
    for revision in revisions:
        revision.number = numbers.get((revision.purpose, revision.channel), 0) + 1
        revision.actor, revision.captured_at = actor, now
    ConsentRevision.objects.bulk_create(revisions)
    audit.record([_audit_entry(revision, actor=actor, now=now) for revision in revisions])
    enqueue(
        _event(revision, subject_id, now=now)
        for revision in revisions
        for subject_id in _list_concerned(revision)
    )
    return [describe(revision) for revision in revisions]


def list_standing(*, subject_id: UUID) -> list[ConsentStatement]:
    """Return the newest statement of a person for each purpose and channel."""
    revisions = (
        ConsentRevision.objects.filter(subject_id=subject_id)
        .order_by("purpose", "channel", "-number")
        .distinct("purpose", "channel")
    )
    return [describe(revision) for revision in revisions]


def find_standing(*, subject_id: UUID, purpose: str, channel: str) -> ConsentStatement | None:
    """Return the newest statement of a person for a purpose and channel, if there is one."""
    revision = list_revisions(subject_id=subject_id, purpose=purpose, channel=channel).first()
    return describe(revision) if revision else None


def list_history(
    *, subject_id: UUID, purpose: str | None = None, channel: str | None = None, limit: int = 500
) -> list[ConsentStatement]:
    """Return what a person ever said, the newest first."""
    revisions = list_revisions(subject_id=subject_id, purpose=purpose, channel=channel)
    return [describe(revision) for revision in revisions.order_by("-recorded_at", "-number")[:limit]]


def list_revisions(
    *, subject_id: UUID, purpose: str | None, channel: str | None
) -> QuerySet[ConsentRevision]:
    """Return revisions of a person, the highest number first."""
    given = {"purpose": purpose, "channel": channel}
    return ConsentRevision.objects.filter(
        subject_id=subject_id, **{name: value for name, value in given.items() if value is not None}
    ).order_by("-number")


def describe(revision: ConsentRevision) -> ConsentStatement:
    """Return a revision as other apps see it."""
    names = ConsentStatement.__dataclass_fields__
    return ConsentStatement(**{name: getattr(revision, name) for name in names})


def repeat(standing: ConsentStatement, *, status: str, source: str) -> ConsentRevision:
    """Return an unsaved revision that says something else about the same case."""
    return ConsentRevision(
        id=uuid4(),
        subject_id=standing.subject_id,
        purpose=standing.purpose,
        channel=standing.channel,
        status=status,
        lawful_basis=standing.lawful_basis,
        jurisdiction=standing.jurisdiction,
        subscriber_type=standing.subscriber_type,
        notice_version=standing.notice_version,
        source=source,
    )


def _audit_entry(revision: ConsentRevision, *, actor: str, now: datetime) -> audit.AuditEntry:
    return audit.AuditEntry(
        name=f"consent.{revision.status}",
        actor=actor,
        target_type="subject",
        target_id=str(revision.subject_id),
        at=now,
        payload={
            "revision_id": str(revision.id),
            "number": revision.number,
            "purpose": revision.purpose,
            "channel": revision.channel,
            "lawful_basis": revision.lawful_basis,
            "jurisdiction": revision.jurisdiction,
            "subscriber_type": revision.subscriber_type,
            "notice_version": revision.notice_version,
            "source": revision.source,
            "confirms": str(revision.confirms) if revision.confirms else None,
        },
    )


def _list_concerned(revision: ConsentRevision) -> list[UUID]:
    """Return who hears of a statement: a withdrawal counts for all who are that person."""
    if revision.status == Status.GRANTED:
        return [revision.subject_id]
    return subject_links.list_group(revision.subject_id)


def _event(revision: ConsentRevision, subject_id: UUID, *, now: datetime) -> Event:
    return Event(
        type=CONSENT_CHANGED,
        key=str(subject_id),
        occurred_at=now,
        data={
            "subject_id": str(subject_id),
            "purpose": revision.purpose,
            "channel": revision.channel,
            "status": str(revision.status),
            "revision_id": str(revision.id),
        },
    )
