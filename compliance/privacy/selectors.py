"""Reads of privacy requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Min, QuerySet
from django.db.models.functions import Coalesce

from compliance.models import AuditLog
from compliance.privacy.deadlines import get_law
from compliance.privacy.models import RUNNABLE, PrivacyRequest, PrivacyTarget
from compliance.privacy.moves import UnknownRequest
from compliance.privacy.states import OPEN, State

__all__ = [
    "RequestDetail",
    "UnknownRequest",
    "count_overdue",
    "get_connector_wait",
    "get_detail",
    "get_request",
    "list_requests",
]


@dataclass(frozen=True, kw_only=True)
class RequestDetail:
    """A request with all that a privacy officer looks at."""

    request: PrivacyRequest
    targets: Sequence[PrivacyTarget]
    events: Sequence[AuditLog]
    law: str
    can_be_extended: bool
    has_certificate: bool
    has_export: bool


def get_request(request_id: UUID) -> PrivacyRequest:
    """Return a request.

    Raises:
        UnknownRequest: no such request.
    """
    request = PrivacyRequest.objects.filter(id=request_id).first()
    if request is None:
        raise UnknownRequest(str(request_id))
    return request


def get_detail(request_id: UUID, *, now: datetime) -> RequestDetail:
    """Return a request with its targets and history.

    Raises:
        UnknownRequest: no such request.
    """
    request = get_request(request_id)
    law = get_law(request.regime)
    events = AuditLog.objects.filter(target_id=str(request_id)).order_by("recorded_at", "id")[:200]
    is_open = State(request.state) in OPEN
    return RequestDetail(
        request=request,
        targets=list(request.targets.all()),
        events=list(events),
        law=law.name,
        can_be_extended=is_open and law.extended is not None and not request.extension_reason,
        has_certificate=hasattr(request, "certificate"),
        has_export=hasattr(request, "export") and request.export.expires_at > now,
    )


def list_requests(*, state: str = "", type: str = "", open_only: bool = False) -> QuerySet[PrivacyRequest]:
    """Return requests narrowed by whatever is given, unordered."""
    given = {name: value for name, value in (("state", state), ("type", type)) if value}
    requests = PrivacyRequest.objects.filter(**given)
    return requests.filter(state__in=[s.value for s in OPEN]) if open_only else requests


def count_overdue(*, now: datetime) -> int:
    """Count the open requests whose answer or confirmation is late."""
    late = list_requests(open_only=True)
    unconfirmed = late.filter(confirmed_at__isnull=True, confirm_by__lt=now)
    return (late.filter(due_at__lt=now) | unconfirmed).count()


def get_connector_wait(*, now: datetime) -> float:
    """Return for how long the oldest request has waited for another's system to forget, seconds; 0 for none.

    Counted from when the identity was verified. What turned into an error meanwhile still waits.
    """
    waiting = PrivacyTarget.objects.filter(
        kind=PrivacyTarget.Kind.CONNECTOR, request__state__in=[state.value for state in RUNNABLE]
    ).exclude(state=PrivacyTarget.State.ACKNOWLEDGED)
    since = waiting.aggregate(since=Min(Coalesce("request__verified_at", "request__received_at")))["since"]
    return max((now - since).total_seconds(), 0.0) if since else 0.0
