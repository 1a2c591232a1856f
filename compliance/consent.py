"""Consent: append-only statements of a person, and the decision that follows from the newest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from compliance import audit, subjects, suppressions
from compliance import consent_rules as rules
from compliance.consent_rules import DEFAULT_CHANNEL, DEFAULT_PURPOSE, InvalidConsent
from compliance.contracts import ConsentDecision, ConsentStatement
from compliance.jurisdictions import find_jurisdiction
from compliance.models import ConsentRevision
from compliance.subjects import InvalidEmail, UnknownSubject
from revctx.eventbus.envelope import Event
from revctx.eventbus.outbox import enqueue
from revctx.eventbus.topics import CONSENT_CHANGED

__all__ = [
    "DEFAULT_CHANNEL",
    "DEFAULT_PURPOSE",
    "ConsentDecision",
    "ConsentStatement",
    "InvalidConsent",
    "InvalidEmail",
    "UnknownSubject",
    "decide",
    "decide_for_address",
    "grant",
    "list_standing",
    "list_status",
    "revoke",
]

# Associated data of a sealed proof, followed by the revision's id.
PROOF = b"consent/proof/"


@transaction.atomic
def grant(
    *,
    email: str,
    jurisdiction: str,
    notice_version: str,
    source: str,
    actor: str,
    now: datetime,
    purpose: str = DEFAULT_PURPOSE,
    channel: str = DEFAULT_CHANNEL,
    lawful_basis: str = "consent",
    expires_at: datetime | None = None,
    proof: str | None = None,
) -> ConsentStatement:
    """Record that a person consents; lifts a suppression of the address, for the person asks anew.

    A jurisdiction that the product has no rules for is recorded but never acted upon. The proof is sealed.

    Raises:
        InvalidEmail: not an address.
        InvalidConsent: an unknown purpose, channel or basis, a malformed field, or an expiry not ahead.
    """
    revision = ConsentRevision(
        id=uuid4(),
        purpose=purpose,
        channel=channel,
        status=ConsentRevision.Status.GRANTED,
        lawful_basis=lawful_basis,
        jurisdiction=jurisdiction,
        notice_version=notice_version,
        source=source,
        expires_at=expires_at,
    )
    _check(revision, now=now)
    revision.subject_id = _take_up(email, actor=actor, now=now)
    subjects.lock_subject(revision.subject_id)
    if proof is not None:
        row = (revision.subject_id, proof.encode(), PROOF + revision.id.bytes)
        [revision.sealed_proof] = subjects.seal(items=[row], now=now)
    return _append([revision], actor=actor, now=now)[0]


@transaction.atomic
def revoke(
    *,
    actor: str,
    now: datetime,
    source: str,
    email: str | None = None,
    subject_id: UUID | None = None,
    purpose: str | None = None,
    channel: str | None = None,
) -> list[ConsentStatement]:
    """Withdraw every standing consent of a person, or those of one purpose or channel; immediate.

    Idempotent: what is withdrawn already stays so and nothing is written. Give email or subject_id.

    Raises:
        InvalidEmail: not an address.
        InvalidConsent: a malformed source, or an unknown purpose or channel.
        UnknownSubject: no such person.
    """
    rules.check_label("source", source)
    rules.check_choice("purpose", purpose or DEFAULT_PURPOSE)
    rules.check_choice("channel", channel or DEFAULT_CHANNEL)
    if subject_id is None:
        subject_id = subjects.find_subject(email=email or "")
    if subject_id is None:
        raise UnknownSubject("no such person")
    subjects.lock_subject(subject_id)
    revisions = [
        _withdrawal(standing, source=source)
        for standing in list_standing(subject_id=subject_id)
        if standing.status == ConsentRevision.Status.GRANTED
        and purpose in (None, standing.purpose)
        and channel in (None, standing.channel)
    ]
    return _append(revisions, actor=actor, now=now)


def decide(
    *,
    subject_id: UUID,
    now: datetime,
    purpose: str = DEFAULT_PURPOSE,
    channel: str = DEFAULT_CHANNEL,
) -> ConsentDecision:
    """Decide for one person; deny unless the newest statement is a consent in force."""
    return list_status(subject_ids=[subject_id], purpose=purpose, channel=channel, now=now)[subject_id]


def decide_for_address(
    *, email: str, now: datetime, purpose: str = DEFAULT_PURPOSE, channel: str = DEFAULT_CHANNEL
) -> ConsentDecision:
    """Decide for an address, known or not.

    Raises:
        InvalidEmail: not an address.
    """
    subject_id = subjects.find_subject(email=email)
    if subject_id is not None:
        return decide(subject_id=subject_id, purpose=purpose, channel=channel, now=now)
    reason = "suppressed" if suppressions.is_suppressed(email=email) else "no_consent"
    return ConsentDecision(allowed=False, reason=reason, revision_id=None, decided_at=now)


def list_status(
    *,
    subject_ids: Collection[UUID],
    now: datetime,
    purpose: str = DEFAULT_PURPOSE,
    channel: str = DEFAULT_CHANNEL,
) -> dict[UUID, ConsentDecision]:
    """Decide for many persons; every id gets a decision, unknown ones a denial."""
    newest = {
        revision.subject_id: revision
        for revision in ConsentRevision.objects.filter(
            subject_id__in=subject_ids, purpose=purpose, channel=channel
        )
        .order_by("subject_id", "-number")
        .distinct("subject_id")
    }
    erased = subjects.list_erased(subject_ids)
    return {
        subject_id: _decision(newest.get(subject_id), is_erased=subject_id in erased, now=now)
        for subject_id in subject_ids
    }


def list_standing(*, subject_id: UUID) -> list[ConsentStatement]:
    """Return the newest statement of a person for each purpose and channel."""
    revisions = (
        ConsentRevision.objects.filter(subject_id=subject_id)
        .order_by("purpose", "channel", "-number")
        .distinct("purpose", "channel")
    )
    return [_statement(revision) for revision in revisions]


def _decision(revision: ConsentRevision | None, *, is_erased: bool, now: datetime) -> ConsentDecision:
    if is_erased:
        return ConsentDecision(allowed=False, reason="erased", revision_id=None, decided_at=now)
    if revision is None:
        return ConsentDecision(allowed=False, reason="no_consent", revision_id=None, decided_at=now)
    reason = _reason(revision, now=now)
    return ConsentDecision(
        allowed=reason == "allowed",
        reason=reason,
        revision_id=revision.id,
        decided_at=now,
        jurisdiction=revision.jurisdiction,
        notice_version=revision.notice_version,
        captured_at=revision.captured_at,
    )


def _reason(revision: ConsentRevision, *, now: datetime) -> str:
    if revision.status != ConsentRevision.Status.GRANTED:
        return "revoked"
    if revision.expires_at is not None and revision.expires_at <= now:
        return "expired"
    return "allowed" if find_jurisdiction(revision.jurisdiction) else "unknown_jurisdiction"


def _take_up(email: str, *, actor: str, now: datetime) -> UUID:
    """Return the subject of an address, lifting its suppression first."""
    while True:
        suppressions.lift(email=email, actor=actor, now=now)
        # Empty only if an erasure of the same address committed in between: then lift that one, too.
        if found := subjects.ensure_subjects(emails=[email], now=now):
            return found[email]


def _append(revisions: list[ConsentRevision], *, actor: str, now: datetime) -> list[ConsentStatement]:
    """Store new revisions of one locked subject, with audit rows and events."""
    if not revisions:
        return []
    numbers = {(s.purpose, s.channel): s.number for s in list_standing(subject_id=revisions[0].subject_id)}
    for revision in revisions:
        revision.number = numbers.get((revision.purpose, revision.channel), 0) + 1
        revision.actor, revision.captured_at = actor, now
    ConsentRevision.objects.bulk_create(revisions)
    audit.record([_audit_entry(revision, actor=actor, now=now) for revision in revisions])
    enqueue([_event(revision, now=now) for revision in revisions])
    return [_statement(revision) for revision in revisions]


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
            "jurisdiction": revision.jurisdiction,
            "notice_version": revision.notice_version,
            "source": revision.source,
        },
    )


def _event(revision: ConsentRevision, *, now: datetime) -> Event:
    return Event(
        type=CONSENT_CHANGED,
        key=str(revision.subject_id),
        occurred_at=now,
        data={
            "subject_id": str(revision.subject_id),
            "purpose": revision.purpose,
            "channel": revision.channel,
            "status": str(revision.status),
            "revision_id": str(revision.id),
        },
    )


def _statement(revision: ConsentRevision) -> ConsentStatement:
    names = ConsentStatement.__dataclass_fields__
    return ConsentStatement(**{name: getattr(revision, name) for name in names})


def _withdrawal(standing: ConsentStatement, *, source: str) -> ConsentRevision:
    return ConsentRevision(
        id=uuid4(),
        subject_id=standing.subject_id,
        purpose=standing.purpose,
        channel=standing.channel,
        status=ConsentRevision.Status.REVOKED,
        lawful_basis=standing.lawful_basis,
        jurisdiction=standing.jurisdiction,
        notice_version=standing.notice_version,
        source=source,
    )


def _check(revision: ConsentRevision, *, now: datetime) -> None:
    for field in ("purpose", "channel", "lawful_basis"):
        rules.check_choice(field, getattr(revision, field))
    for field in ("notice_version", "source"):
        rules.check_label(field, getattr(revision, field))
    rules.check_jurisdiction(revision.jurisdiction)
    if revision.expires_at is not None and revision.expires_at <= now:
        raise InvalidConsent("expires_at", "must lie ahead")
