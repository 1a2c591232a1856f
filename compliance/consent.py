"""Consent: append-only statements of a person, and the decision that follows from the newest."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from compliance import consent_rules as rules
from compliance import consent_store as store
from compliance import policies, subjects, suppressions
from compliance.consent_decisions import (
    decide,
    decide_for_address,
    judge_together,
    list_status,
    record_decision,
)
from compliance.consent_rules import DEFAULT_CHANNEL, DEFAULT_PURPOSE, SALE_SHARING, InvalidConsent, Status
from compliance.consent_store import list_history, list_standing
from compliance.contracts import ConsentDecision, ConsentStatement
from compliance.models import ConsentRevision
from compliance.subjects import InvalidEmail, UnknownSubject

__all__ = [
    "DEFAULT_CHANNEL",
    "DEFAULT_PURPOSE",
    "SALE_SHARING",
    "ConfirmationVoid",
    "ConsentDecision",
    "ConsentStatement",
    "InvalidConsent",
    "InvalidEmail",
    "UnknownSubject",
    "confirm",
    "decide",
    "decide_for_address",
    "grant",
    "judge_together",
    "list_history",
    "list_standing",
    "list_status",
    "opt_out",
    "record_decision",
    "revoke",
]

# Associated data of a sealed proof, followed by the revision's id.
PROOF = b"consent/proof/"
_WITHDRAWN = (Status.REVOKED, Status.OPTED_OUT)
_ONLY_CONSENT_LIFTS = "must be consent, for the person has objected"


class ConfirmationVoid(Exception):
    """There is nothing left to confirm: withdrawn, replaced or erased since."""


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
    subscriber_type: str = rules.DEFAULT_SUBSCRIBER,
    expires_at: datetime | None = None,
    proof: str | None = None,
) -> ConsentStatement:
    """Record that a person may be contacted, and on which basis.

    A consent lifts a suppression of the address, for the person asks anew; no other basis does. Where the
    policy asks for double opt-in the statement waits for ``confirm``. A jurisdiction that the product has no
    rules for is recorded but never acted upon. The proof is sealed.

    Raises:
        InvalidEmail: not an address.
        InvalidConsent: an unknown purpose, channel, basis or subscriber type, a malformed field, an expiry
            not ahead, or a basis that cannot stand against the person's objection.
    """
    revision = ConsentRevision(
        id=uuid4(),
        purpose=purpose,
        channel=channel,
        status=Status.GRANTED,
        lawful_basis=lawful_basis,
        jurisdiction=jurisdiction,
        subscriber_type=subscriber_type,
        notice_version=notice_version,
        source=source,
        expires_at=expires_at,
    )
    _check(revision, now=now)
    revision.subject_id = _take_up(email, lawful_basis=lawful_basis, actor=actor, now=now)
    subjects.lock_subject(revision.subject_id)
    _weigh_standing(revision)
    if proof is not None:
        row = (revision.subject_id, proof.encode(), PROOF + revision.id.bytes)
        [revision.sealed_proof] = subjects.seal(items=[row], now=now)
    return store.append([revision], actor=actor, now=now)[0]


@transaction.atomic
def confirm(*, revision_id: UUID, source: str, actor: str, now: datetime) -> ConsentStatement:
    """Make a consent that waits for the person's confirmation count; again without harm.

    Raises:
        ConfirmationVoid: it was withdrawn, replaced or erased since, or there is none.
    """
    pending = ConsentRevision.objects.filter(id=revision_id, status=Status.PENDING).first()
    if pending is None or not subjects.lock_subject(pending.subject_id):
        raise ConfirmationVoid("nothing to confirm")
    case = {"purpose": pending.purpose, "channel": pending.channel}
    newest = store.list_revisions(subject_id=pending.subject_id, **case).first()
    if newest is not None and newest.confirms == revision_id and newest.status == Status.GRANTED:
        return store.describe(newest)
    expired = pending.expires_at is not None and pending.expires_at <= now
    if newest is None or newest.id != revision_id or expired:
        raise ConfirmationVoid("nothing to confirm")
    revision = store.repeat(store.describe(pending), status=Status.GRANTED, source=source)
    revision.expires_at, revision.confirmed_at, revision.confirms = pending.expires_at, now, pending.id
    return store.append([revision], actor=actor, now=now)[0]


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
        store.repeat(standing, status=Status.REVOKED, source=source)
        for standing in list_standing(subject_id=subject_id)
        if standing.status not in _WITHDRAWN
        and purpose in (None, standing.purpose)
        and channel in (None, standing.channel)
    ]
    return store.append(revisions, actor=actor, now=now)


@transaction.atomic
def opt_out(
    *,
    subject_id: UUID,
    jurisdiction: str,
    source: str,
    actor: str,
    now: datetime,
    purpose: str = SALE_SHARING,
    channel: str = DEFAULT_CHANNEL,
) -> ConsentStatement | None:
    """Record that a person objects, whether or not they ever agreed; None if that stands already or erased.

    Raises:
        InvalidConsent: a malformed source or jurisdiction, or an unknown purpose or channel.
        UnknownSubject: no such person.
    """
    revision = ConsentRevision(
        id=uuid4(),
        subject_id=subject_id,
        purpose=purpose,
        channel=channel,
        status=Status.OPTED_OUT,
        lawful_basis="consent",
        jurisdiction=jurisdiction,
        notice_version="none",
        source=source,
    )
    _check(revision, now=now)
    alive = subjects.lock_subject(subject_id)
    standing = store.find_standing(subject_id=subject_id, purpose=purpose, channel=channel)
    if not alive or (standing is not None and standing.status == Status.OPTED_OUT):
        return None
    return store.append([revision], actor=actor, now=now)[0]


def _take_up(email: str, *, lawful_basis: str, actor: str, now: datetime) -> UUID:
    """Return the subject of an address; a consent lifts its suppression first."""
    if lawful_basis != "consent" and suppressions.is_suppressed(email=email):
        raise InvalidConsent("lawful_basis", _ONLY_CONSENT_LIFTS)
    while True:
        if lawful_basis == "consent":
            suppressions.lift(email=email, actor=actor, now=now)
        # Empty only if an erasure of the same address committed in between: then lift that one, too.
        if found := subjects.ensure_subjects(emails=[email], now=now):
            return found[email]
        if lawful_basis != "consent":
            raise InvalidConsent("lawful_basis", _ONLY_CONSENT_LIFTS)


def _weigh_standing(revision: ConsentRevision) -> None:
    """Hold a new statement against the one that stands: an objection, or a confirmation that still counts."""
    case = {"purpose": revision.purpose, "channel": revision.channel}
    standing = store.find_standing(subject_id=revision.subject_id, **case)
    if revision.lawful_basis != "consent":
        if standing is not None and standing.status in _WITHDRAWN:
            raise InvalidConsent("lawful_basis", _ONLY_CONSENT_LIFTS)
        return
    place = {"jurisdiction": revision.jurisdiction, "subscriber_type": revision.subscriber_type}
    if not policies.asks_confirmation(**case, **place):
        return
    same = standing is not None and (standing.jurisdiction, standing.notice_version) == (
        revision.jurisdiction,
        revision.notice_version,
    )
    if standing is not None and same and standing.status == Status.GRANTED and standing.confirmed_at:
        revision.confirmed_at = standing.confirmed_at
    else:
        revision.status = Status.PENDING


def _check(revision: ConsentRevision, *, now: datetime) -> None:
    for field in ("purpose", "channel", "lawful_basis", "subscriber_type"):
        rules.check_choice(field, getattr(revision, field))
    for field in ("notice_version", "source"):
        rules.check_label(field, getattr(revision, field))
    rules.check_jurisdiction(revision.jurisdiction)
    if revision.expires_at is not None and revision.expires_at <= now:
        raise InvalidConsent("expires_at", "must lie ahead")
