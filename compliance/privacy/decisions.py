"""One door for what an officer does with a request, shared by the endpoint and the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance.privacy import requests, restrictions
from compliance.privacy.models import PrivacyRequest
from compliance.privacy.moves import lock_request
from compliance.privacy.requests import InvalidRequest
from compliance.privacy.states import RequestType, State

MOVES_WITH_CODE: dict[str, Callable[..., PrivacyRequest]] = {
    "deny": requests.deny,
    "hold": requests.hold,
    "extend": requests.extend,
}
PLAIN_MOVES: dict[str, Callable[..., PrivacyRequest]] = {
    "approve": requests.approve,
    "resume": requests.resume,
    "confirm": requests.confirm,
    "notice": requests.record_notice,
}


def decide(*, request_id: UUID, move: str, code: str, actor: str, now: datetime) -> PrivacyRequest:
    """Do what an officer decided.

    Raises:
        UnknownRequest, IllegalMove.
        InvalidRequest: an unknown move or code.
    """
    if move in MOVES_WITH_CODE:
        return MOVES_WITH_CODE[move](request_id=request_id, reason_code=code, actor=actor, now=now)
    if move == "verify":
        return requests.verify(request_id=request_id, method=code, actor=actor, now=now)
    if move == "lift":
        return _lift(request_id, actor=actor, now=now)
    if move not in PLAIN_MOVES:
        raise InvalidRequest("move", "is not known")
    return PLAIN_MOVES[move](request_id=request_id, actor=actor, now=now)


def _lift(request_id: UUID, *, actor: str, now: datetime) -> PrivacyRequest:
    """End the restriction that a completed request began; an objection stands until a new consent."""
    with transaction.atomic():
        request = lock_request(request_id)
        is_restriction = request.type == RequestType.RESTRICTION.value
        if not is_restriction or request.state != State.COMPLETE.value or request.subject_id is None:
            raise InvalidRequest("state", "only a restriction that is in force can be lifted")
        restrictions.lift(subject_id=request.subject_id, actor=actor, now=now)
        return request
