"""Endpoints of privacy requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance.api.privacy_bodies import (
    CertificateResponse,
    ExportResponse,
    PrivacyDecision,
    PrivacyRequestCreate,
    PrivacyRequestDetail,
    PrivacyRequestPage,
    PrivacyRequestResponse,
    PrivacyTargetResponse,
)
from compliance.privacy import certificates, decisions, exporting, requests, selectors
from compliance.privacy.export_page import render_export
from compliance.privacy.models import PrivacyRequest
from compliance.privacy.states import IllegalMove
from compliance.subjects import InvalidEmail
from revctx.api.errors import Conflict, NotFound, Unprocessable
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, actor_of
from revctx.api.schemas import ErrorBody

_REFUSALS = {401: ErrorBody, 403: ErrorBody}
_ONE = {404: ErrorBody, **_REFUSALS}
_BODY = {400: ErrorBody, 413: ErrorBody, 415: ErrorBody, 422: ErrorBody, **_REFUSALS}


class _PrivacyView(APIView):
    permission_classes = [HasScope("privacy:write")]


class PrivacyRequestPages(CursorPage):
    """The newest first."""

    ordering = ("-received_at", "-id")


class PrivacyRequestsView(_PrivacyView):
    """`/api/privacy/requests`."""

    @extend_schema(request=PrivacyRequestCreate, responses={201: PrivacyRequestDetail, **_BODY})
    def post(self, request: Request) -> Response:
        """Take in a request; one given as verified is carried out, others wait for the identity."""
        body = validate(PrivacyRequestCreate, request.data)
        corrections = body.corrections.model_dump(exclude_none=True) if body.corrections else None
        with refusals():
            made = requests.create_request(
                type=body.type,
                email=body.identity.email,
                jurisdiction=body.jurisdiction,
                verified_by=body.verified_by,
                corrections=corrections,
                actor=actor_of(request),
                now=timezone.now(),
            )
        return Response(_detail(made), status=201)

    @extend_schema(
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR),
            OpenApiParameter("type", OpenApiTypes.STR),
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
        operation_id="privacy_requests_list",
        responses={200: PrivacyRequestPage, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """List requests, the newest first."""
        query = request.query_params
        found = selectors.list_requests(
            state=query.get("state", "").replace("\x00", "?"), type=query.get("type", "").replace("\x00", "?")
        )
        pages = PrivacyRequestPages()
        rows = pages.paginate_queryset(found, request, view=self) or []
        printed = [PrivacyRequestResponse.model_validate(row).model_dump(mode="json") for row in rows]
        return pages.get_paginated_response(printed)


class PrivacyRequestView(_PrivacyView):
    """`/api/privacy/requests/{id}`."""

    @extend_schema(responses={200: PrivacyRequestDetail, **_ONE}, operation_id="privacy_requests_retrieve")
    def get(self, request: Request, request_id: UUID) -> Response:
        """Tell where a request stands and which targets have acknowledged it."""
        return Response(_detail(_find(request_id)))


class PrivacyDecisionView(_PrivacyView):
    """`/api/privacy/requests/{id}/decisions`."""

    @extend_schema(
        request=PrivacyDecision, responses={200: PrivacyRequestDetail, 409: ErrorBody, **_ONE, **_BODY}
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Verify, approve, deny, hold, resume, extend, confirm, record a notice, or lift a restriction."""
        body = validate(PrivacyDecision, request.data)
        with refusals():
            decided = decisions.decide(
                request_id=request_id,
                move=body.move,
                code=body.code,
                actor=actor_of(request),
                now=timezone.now(),
            )
        return Response(_detail(decided))


class PrivacyExportView(_PrivacyView):
    """`/api/privacy/requests/{id}/export`."""

    @extend_schema(
        parameters=[OpenApiParameter("as", OpenApiTypes.STR, enum=["json", "html"])],
        responses={200: ExportResponse, **_ONE},
    )
    def get(self, request: Request, request_id: UUID) -> Any:
        """Return what is held about the person, as JSON or as a page to read; audited."""
        found = _find(request_id)
        try:
            document = exporting.open_export(request=found, actor=actor_of(request), now=timezone.now())
        except exporting.ExportUnavailable as error:
            raise NotFound("no_export", "There is no export: not made, expired, or erased.") from error
        if request.query_params.get("as") == "html":
            return HttpResponse(render_export(document))
        return Response(document)


class PrivacyCertificateView(_PrivacyView):
    """`/api/privacy/requests/{id}/certificate`."""

    @extend_schema(responses={200: CertificateResponse, **_ONE})
    def get(self, request: Request, request_id: UUID) -> Response:
        """Return the signed certificate of a completed request."""
        document = certificates.find_certificate(request_id=_find(request_id).id)
        if document is None:
            raise NotFound("no_certificate", "The request is not complete.")
        return Response(document)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn refusals of the services into answers; none repeats the address."""
    try:
        yield
    except InvalidEmail as error:
        raise Unprocessable(
            "invalid_email", "The address cannot be reached.", fields={"identity.email": str(error)}
        ) from error
    except requests.InvalidRequest as error:
        raise Unprocessable(
            "invalid", "The body does not fit; see fields.", fields={error.field: error.message}
        ) from error
    except IllegalMove as error:
        raise Conflict("illegal_move", f"This request is {error.state.value}.") from error
    except selectors.UnknownRequest as error:
        raise NotFound("unknown_request", "No such request.") from error


def _find(request_id: UUID) -> PrivacyRequest:
    with refusals():
        return selectors.get_request(request_id)


def _detail(request: PrivacyRequest) -> dict[str, Any]:
    head = PrivacyRequestResponse.model_validate(request).model_dump(mode="json")
    targets = [
        PrivacyTargetResponse.model_validate(row).model_dump(mode="json") for row in request.targets.all()
    ]
    return {**head, "targets": targets}
