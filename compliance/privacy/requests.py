"""Take in privacy requests and decide on them; the worker carries them out."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from compliance import subjects, suppressions
from compliance.jurisdictions import find_jurisdiction
from compliance.privacy import deadlines
from compliance.privacy.models import PrivacyRequest
from compliance.privacy.moves import apply_move, lock_request, record
from compliance.privacy.states import (
    DENIAL_REASONS,
    EXTENSION_REASONS,
    HOLD_REASONS,
    OPEN,
    VERIFICATION_METHODS,
    Move,
    RequestType,
    State,
)

OPT_OUTS = frozenset({RequestType.OBJECTION.value, RequestType.OPT_OUT.value})
CORRECTABLE = ("name", "title")


class InvalidRequest(ValueError):
    """A request or decision cannot be taken as given; ``field`` says which part."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


@transaction.atomic
def create_request(
    *,
    type: str,
    email: str,
    jurisdiction: str,
    actor: str,
    now: datetime,
    verified_by: str = "",
    corrections: dict[str, str] | None = None,
) -> PrivacyRequest:
    """Take in a request; one that a privacy officer has verified (``verified_by``: how) is approved at once.

    The same person's second open request of a type becomes a duplicate of the first. A person who was not
    known becomes a subject, so that the address is sealed, unless it is suppressed.

    Raises:
        InvalidEmail: not an address.
        InvalidRequest: an unknown type, jurisdiction or method, or corrections that do not fit.
    """
    _check(type, jurisdiction, verified_by, corrections)
    subject_id = _find_or_create(email, now=now)
    request = _make(type, jurisdiction, subject_id, now=now)
    request.sealed_details = _seal_details(request, corrections, now=now)
    standing = _find_standing(request)
    request.save(force_insert=True)
    record(request, "privacy_request.received", actor=actor, now=now)
    if standing is not None:
        request.duplicate_of = standing
        apply_move(request, Move.DUPLICATE, actor=actor, now=now)
    elif verified_by:
        _verify(request, verified_by, actor=actor, now=now)
        apply_move(request, Move.APPROVE, actor=actor, now=now)
    else:
        apply_move(request, Move.ASK_IDENTITY, actor=actor, now=now)
    return request


@transaction.atomic
def verify(*, request_id: UUID, method: str, actor: str, now: datetime) -> PrivacyRequest:
    """Record that the identity was established, and how.

    Raises:
        UnknownRequest, IllegalMove, InvalidRequest: an unknown method.
    """
    _check_code("method", method, VERIFICATION_METHODS)
    request = lock_request(request_id)
    _verify(request, method, actor=actor, now=now)
    return request


@transaction.atomic
def approve(*, request_id: UUID, actor: str, now: datetime) -> PrivacyRequest:
    """Have a verified request carried out.

    Raises:
        UnknownRequest, IllegalMove.
    """
    request = lock_request(request_id)
    apply_move(request, Move.APPROVE, actor=actor, now=now)
    return request


@transaction.atomic
def deny(*, request_id: UUID, reason_code: str, actor: str, now: datetime) -> PrivacyRequest:
    """Refuse a request for a reason that the law knows.

    Raises:
        UnknownRequest, IllegalMove, InvalidRequest: an unknown reason.
    """
    _check_code("reason", reason_code, DENIAL_REASONS)
    request = lock_request(request_id)
    apply_move(request, Move.DENY, actor=actor, now=now, reason_code=reason_code)
    return request


@transaction.atomic
def hold(*, request_id: UUID, reason_code: str, actor: str, now: datetime) -> PrivacyRequest:
    """Put a request aside; its clock goes on.

    Raises:
        UnknownRequest, IllegalMove, InvalidRequest: an unknown reason.
    """
    _check_code("reason", reason_code, HOLD_REASONS)
    request = lock_request(request_id)
    if request.state == State.EXECUTING.value:
        raise InvalidRequest("state", "what is being carried out cannot be put aside")
    apply_move(request, Move.HOLD, actor=actor, now=now, reason_code=reason_code)
    return request


@transaction.atomic
def resume(*, request_id: UUID, actor: str, now: datetime) -> PrivacyRequest:
    """Take up a request that was put aside.

    Raises:
        UnknownRequest, IllegalMove, InvalidRequest: a law still keeps the person's data in the vault.
    """
    request = lock_request(request_id)
    if request.shred_at is not None:
        raise InvalidRequest("state", "the vault opens by itself on its date")
    apply_move(request, Move.RESUME, actor=actor, now=now)
    return request


@transaction.atomic
def confirm(*, request_id: UUID, actor: str, now: datetime) -> PrivacyRequest:
    """Record that the person was told that the request has arrived; again changes nothing.

    Raises:
        UnknownRequest.
    """
    request = lock_request(request_id)
    if request.confirmed_at is None:
        request.confirmed_at = request.updated_at = now
        request.save(update_fields=["confirmed_at", "updated_at"])
        record(request, "privacy_request.confirmed", actor=actor, now=now)
    return request


@transaction.atomic
def extend(*, request_id: UUID, reason_code: str, actor: str, now: datetime) -> PrivacyRequest:
    """Put the due date off, once, as the law allows; the person has to be told.

    Raises:
        UnknownRequest.
        InvalidRequest: an unknown reason, a closed request, or the law gives no extension.
    """
    _check_code("reason", reason_code, EXTENSION_REASONS)
    request = lock_request(request_id)
    if State(request.state) not in OPEN:
        raise InvalidRequest("state", f"a request that is {request.state} has no due date any more")
    try:
        request.due_at = deadlines.extend(
            regime=request.regime,
            jurisdiction=request.jurisdiction,
            is_opt_out=request.type in OPT_OUTS,
            received_at=request.received_at,
            due_at=request.due_at,
            now=now,
        )
    except deadlines.ExtensionRefused as error:
        raise InvalidRequest("due_at", error.reason) from error
    request.extension_reason, request.updated_at = reason_code, now
    request.save(update_fields=["due_at", "extension_reason", "updated_at"])
    facts = {"reason": reason_code, "due_at": request.due_at.isoformat()}
    record(request, "privacy_request.extended", actor=actor, now=now, payload={**facts})
    return request


@transaction.atomic
def record_notice(*, request_id: UUID, actor: str, now: datetime) -> PrivacyRequest:
    """Record that the person was told of the coming shredding of the vault.

    Raises:
        UnknownRequest.
        InvalidRequest: nothing of the person lies in the vault.
    """
    request = lock_request(request_id)
    if request.shred_at is None or request.state != State.ON_HOLD.value:
        raise InvalidRequest("state", "nothing of this person lies in the vault")
    if request.pre_erasure_notice_at is None:
        request.pre_erasure_notice_at = request.updated_at = now
        request.save(update_fields=["pre_erasure_notice_at", "updated_at"])
        record(request, "privacy_request.noticed", actor=actor, now=now)
    return request


def _make(type: str, jurisdiction: str, subject_id: UUID | None, *, now: datetime) -> PrivacyRequest:
    place = find_jurisdiction(jurisdiction)
    regime = place.regime if place else ""
    clock = deadlines.start_clock(
        regime=regime, jurisdiction=jurisdiction, is_opt_out=type in OPT_OUTS, received_at=now
    )
    return PrivacyRequest(
        id=uuid4(),
        type=type,
        jurisdiction=jurisdiction,
        regime=regime,
        subject_id=subject_id,
        next_attempt_at=now,
        received_at=now,
        confirm_by=clock.confirm_by,
        due_at=clock.due_at,
        updated_at=now,
    )


def _find_or_create(email: str, *, now: datetime) -> UUID | None:
    """Return the person, locked against a concurrent request; None when only a suppression is known."""
    subject_id = subjects.find_subject(email=email)
    if subject_id is None and not suppressions.is_suppressed(email=email):
        subject_id = subjects.ensure_subjects(emails=[email], now=now).get(email)
    if subject_id is not None and not subjects.lock_subject(subject_id):
        return None  # erased between the two looks
    return subject_id


def _find_standing(request: PrivacyRequest) -> PrivacyRequest | None:
    if request.subject_id is None:
        return None
    standing = PrivacyRequest.objects.filter(subject_id=request.subject_id, type=request.type)
    return standing.filter(state__in=[state.value for state in OPEN]).first()


def _verify(request: PrivacyRequest, method: str, *, actor: str, now: datetime) -> None:
    request.verified_by, request.verified_at = method, now
    apply_move(request, Move.VERIFY, actor=actor, now=now, payload={"method": method})


def _seal_details(
    request: PrivacyRequest, corrections: dict[str, str] | None, *, now: datetime
) -> bytes | None:
    if not corrections or request.subject_id is None:
        return None
    text = json.dumps({"corrections": corrections}).encode()
    return subjects.seal(items=[(request.subject_id, text, request.id.bytes)], now=now)[0]


def _check(type: str, jurisdiction: str, verified_by: str, corrections: dict[str, str] | None) -> None:
    _check_code("type", type, tuple(kind.value for kind in RequestType))
    if find_jurisdiction(jurisdiction) is None:
        raise InvalidRequest("jurisdiction", "is a known code such as EU, DE, UK, US-CA or IN")
    if verified_by:
        _check_code("verified_by", verified_by, VERIFICATION_METHODS)
    wants = type == RequestType.RECTIFICATION.value
    if wants != bool(corrections):
        raise InvalidRequest("corrections", "are given with a rectification, and only then")
    if unknown := set(corrections or ()) - set(CORRECTABLE):
        raise InvalidRequest("corrections", f"has {len(unknown)} unknown names; known: name, title")


def _check_code(field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidRequest(field, f"is one of {', '.join(known)}")
