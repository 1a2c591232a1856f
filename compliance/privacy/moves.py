"""Every change of a request's state: checked against the table of legal moves, audited in its transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from compliance import audit
from compliance.privacy.models import PrivacyRequest
from compliance.privacy.states import TERMINAL, Move, State, next_state

ACTOR = "system:privacy"


class UnknownRequest(LookupError):
    """No privacy request has that id."""


def lock_request(request_id: UUID) -> PrivacyRequest:
    """Return the request, locked until the transaction ends.

    Raises:
        UnknownRequest: no such request.
    """
    request = PrivacyRequest.objects.select_for_update(of=("self",)).filter(id=request_id).first()
    if request is None:
        raise UnknownRequest(str(request_id))
    return request


def apply_move(
    request: PrivacyRequest,
    move: Move,
    *,
    actor: str,
    now: datetime,
    reason_code: str = "",
    payload: dict[str, audit.PayloadValue] | None = None,
) -> None:
    """Move a locked request and write the audit row.

    Raises:
        IllegalMove: it does not stand where the move begins.
    """
    before = State(request.state)
    held_from = State(request.held_from) if request.held_from else None
    after = next_state(before, move, held_from=held_from)
    request.state, request.reason_code, request.updated_at = after.value, reason_code, now
    request.held_from = before.value if move is Move.HOLD else ""
    request.next_attempt_at = now
    if after in TERMINAL:
        request.closed_at = now
    request.save()
    facts: dict[str, audit.PayloadValue] = {
        "before": before.value,
        "state": after.value,
        "reason": reason_code,
    }
    record(request, f"privacy_request.{move.value}", actor=actor, now=now, payload=facts | (payload or {}))


def record(
    request: PrivacyRequest,
    name: str,
    *,
    actor: str,
    now: datetime,
    payload: dict[str, audit.PayloadValue] | None = None,
) -> None:
    """Write an audit row about a request."""
    facts: dict[str, audit.PayloadValue] = {
        "type": request.type,
        "jurisdiction": request.jurisdiction,
        "subject_id": str(request.subject_id) if request.subject_id else None,
    }
    entry = audit.AuditEntry(
        name=name,
        actor=actor,
        target_type="privacy_request",
        target_id=str(request.id),
        at=now,
        payload=facts | (payload or {}),
    )
    audit.record([entry])
