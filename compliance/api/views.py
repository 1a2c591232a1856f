"""Endpoints of consent and of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance import confirmation, consent, consent_rules, gpc, selectors, subjects
from compliance.api.serializers import (
    AuditEventPage,
    AuditEventResponse,
    ConsentCheckRequest,
    ConsentDecisionResponse,
    ConsentGrantRequest,
    ConsentGrantResponse,
    ConsentRevokeRequest,
    ConsentRevokeResponse,
    ConsentStatementResponse,
    ConsentStatusResponse,
)
from revctx.api.errors import NotFound, Unprocessable
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, MethodScope, actor_of
from revctx.api.schemas import ErrorBody

REFUSALS = {401: ErrorBody, 403: ErrorBody, 422: ErrorBody}
BODY_REFUSALS = {400: ErrorBody, 413: ErrorBody, 415: ErrorBody, **REFUSALS}
_SCOPED = [
    OpenApiParameter("purpose", OpenApiTypes.STR, description="Default: outreach."),
    OpenApiParameter("channel", OpenApiTypes.STR, description="Default: email."),
]
_AUDIT_FILTERS = ("name", "actor", "target_id", "request_id")


class ConsentView(APIView):
    """`/api/consent`."""

    permission_classes = [HasScope("consent:write")]

    @extend_schema(request=ConsentGrantRequest, responses={201: ConsentGrantResponse, **BODY_REFUSALS})
    def post(self, request: Request) -> Response:
        """Record that a person consents."""
        body, now = validate(ConsentGrantRequest, request.data), timezone.now()
        with refusals():
            statement = consent.grant(
                email=body.email,
                purpose=body.purpose,
                channel=body.channel,
                jurisdiction=body.jurisdiction,
                notice_version=body.notice_version,
                source=body.source,
                lawful_basis=body.lawful_basis,
                subscriber_type=body.subscriber_type,
                expires_at=body.expires_at,
                actor=actor_of(request),
                now=now,
            )
        decision = consent.decide(
            subject_id=statement.subject_id, purpose=body.purpose, channel=body.channel, now=now
        )
        _honour_gpc(request, statement.subject_id, now=now)
        pending = statement.status == consent_rules.Status.PENDING
        recorded = ConsentStatementResponse.model_validate(statement).model_dump()
        follows = ConsentDecisionResponse.model_validate(decision)
        link = confirmation.make_url(statement.id) if pending else None
        return print_body(
            ConsentGrantResponse(**recorded, decision=follows, confirmation_url=link), status=201
        )


class ConsentCheckView(APIView):
    """`/api/consent/check`."""

    permission_classes = [HasScope("consent:read")]

    @extend_schema(request=ConsentCheckRequest, responses={200: ConsentStatusResponse, **BODY_REFUSALS})
    def post(self, request: Request) -> Response:
        """Tell whether an address may be contacted, with the address in the body."""
        body = validate(ConsentCheckRequest, request.data)
        now = timezone.now()
        if body.subject_id is not None:
            return print_body(_status_of(body.subject_id, body.purpose, body.channel, now=now))
        with refusals():
            _honour_gpc(request, subjects.find_subject(email=body.email or ""), now=now)
        return print_body(_status(body.email or "", body.purpose, body.channel, now=now))


class ConsentRevokeView(APIView):
    """`/api/consent/revoke`."""

    permission_classes = [HasScope("consent:write")]

    @extend_schema(request=ConsentRevokeRequest, responses={200: ConsentRevokeResponse, **BODY_REFUSALS})
    def post(self, request: Request) -> Response:
        """Withdraw consent, with the address in the body; at once, and again without harm."""
        body = validate(ConsentRevokeRequest, request.data)
        return _revoke(request, body)


class ConsentByAddressView(APIView):
    """`/api/consent/{email}`."""

    permission_classes = [MethodScope(get="consent:read", delete="consent:write")]

    @extend_schema(parameters=_SCOPED, responses={200: ConsentStatusResponse, **REFUSALS})
    def get(self, request: Request, email: str) -> Response:
        """Tell whether an address may be contacted."""
        query = request.query_params
        purpose = query.get("purpose", consent.DEFAULT_PURPOSE)
        channel = query.get("channel", consent.DEFAULT_CHANNEL)
        return print_body(_status(email, purpose, channel, now=timezone.now()))

    @extend_schema(parameters=_SCOPED, responses={200: ConsentRevokeResponse, 404: ErrorBody, **REFUSALS})
    def delete(self, request: Request, email: str) -> Response:
        """Withdraw consent; of everything unless a purpose or channel is named."""
        query = request.query_params
        fields = {"email": email, **{name: query[name] for name in ("purpose", "channel") if name in query}}
        return _revoke(request, validate(ConsentRevokeRequest, fields))


class AuditPage(CursorPage):
    """The newest first."""

    ordering = ("-recorded_at", "-id")


class AuditEventListView(APIView):
    """`/api/audit/events`."""

    permission_classes = [HasScope("audit:read")]

    @extend_schema(
        parameters=[
            *(OpenApiParameter(name, OpenApiTypes.STR) for name in _AUDIT_FILTERS),
            OpenApiParameter("account_id", OpenApiTypes.UUID),
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
        operation_id="audit_events_list",
        responses={200: AuditEventPage, **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """List recorded transitions, the newest first."""
        query = request.query_params
        events = selectors.list_audit_events(
            **{name: _text(name, query[name]) for name in _AUDIT_FILTERS if name in query},
            account_id=_uuid("account_id", query["account_id"]) if "account_id" in query else None,
        )
        pages = AuditPage()
        page = pages.paginate_queryset(events, request, view=self) or []
        return pages.get_paginated_response(
            [AuditEventResponse.of(row).model_dump(mode="json") for row in page]
        )


def _status(email: str, purpose: str, channel: str, *, now: datetime) -> ConsentStatusResponse:
    with refusals():
        consent_rules.check_choice("purpose", purpose)
        consent_rules.check_choice("channel", channel)
        subject_id = subjects.find_subject(email=email)
        decision = consent.decide_for_address(email=email, purpose=purpose, channel=channel, now=now)
    return _describe(subject_id, decision)


def _status_of(subject_id: UUID, purpose: str, channel: str, *, now: datetime) -> ConsentStatusResponse:
    with refusals():
        consent_rules.check_choice("purpose", purpose)
        consent_rules.check_choice("channel", channel)
    decision = consent.decide(subject_id=subject_id, purpose=purpose, channel=channel, now=now)
    return _describe(subject_id, decision)


def _describe(subject_id: UUID | None, decision: consent.ConsentDecision) -> ConsentStatusResponse:
    statements = consent.list_standing(subject_id=subject_id) if subject_id else []
    opted_out = subject_id is not None and gpc.is_opted_out(subject_id=subject_id)
    return ConsentStatusResponse.of(subject_id, decision, statements, sale_sharing_opt_out=opted_out)


def _honour_gpc(request: Request, subject_id: UUID | None, *, now: datetime) -> None:
    """Take the signal of a person whom an integration speaks for.

    A signed-in officer's own browser says nothing about the person that they look up.
    """
    if request.auth is not None:
        gpc.honour(subject_id=subject_id, headers=request.headers, now=now)


def _revoke(request: Request, body: ConsentRevokeRequest) -> Response:
    now = timezone.now()
    with refusals():
        revoked = consent.revoke(
            email=body.email,
            purpose=body.purpose,
            channel=body.channel,
            source=body.source,
            actor=actor_of(request),
            now=now,
        )
        _honour_gpc(request, subjects.find_subject(email=body.email), now=now)
    statements = [ConsentStatementResponse.model_validate(statement) for statement in revoked]
    return print_body(ConsentRevokeResponse(revoked=statements))


@contextmanager
def refusals() -> Iterator[None]:
    """Turn refusals of the services into answers; none repeats the address."""
    try:
        yield
    except consent.InvalidEmail as error:
        raise Unprocessable(
            "invalid_email", "The address cannot be reached.", fields={"email": str(error)}
        ) from error
    except consent.InvalidConsent as error:
        raise Unprocessable(
            "invalid", "The body does not fit; see fields.", fields={error.field: error.message}
        ) from error
    except consent.UnknownSubject as error:
        raise NotFound("unknown_subject", "Nobody is known by that address.") from error


def _text(name: str, value: str) -> str:
    if "\x00" in value or len(value) > 200:
        raise Unprocessable(
            "invalid", f"{name} is not a filter value.", fields={name: "at most 200 characters"}
        )
    return value


def _uuid(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise Unprocessable("invalid", f"{name} is a UUID.", fields={name: "must be a UUID"}) from error


def print_body(body: BaseModel, *, status: int = 200) -> Response:
    """Return an answer as JSON."""
    return Response(body.model_dump(mode="json"), status=status)
