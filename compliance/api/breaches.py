"""Endpoints of breaches."""

from __future__ import annotations

import csv
import io
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

from compliance.api.breach_bodies import (
    AffectedSummary,
    BreachCreate,
    BreachDecision,
    BreachPage,
    BreachResponse,
)
from compliance.breaches import affected, services
from compliance.breaches.models import Breach
from compliance.breaches.rules import DecisionRefused
from revctx.api.errors import NotFound, Unprocessable
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, actor_of
from revctx.api.schemas import ErrorBody

_REFUSALS = {401: ErrorBody, 403: ErrorBody}
_ONE = {404: ErrorBody, **_REFUSALS}
_BODY = {400: ErrorBody, 413: ErrorBody, 415: ErrorBody, 422: ErrorBody, **_REFUSALS}
COLUMNS = ("subject_id", "email", "jurisdiction", "places")


class _BreachView(APIView):
    permission_classes = [HasScope("privacy:write")]


class BreachPages(CursorPage):
    """The newest first."""

    ordering = ("-aware_at", "-id")


class BreachesView(_BreachView):
    """`/api/compliance/breaches`."""

    @extend_schema(request=BreachCreate, responses={201: BreachResponse, **_BODY})
    def post(self, request: Request) -> Response:
        """Write a breach down; its 72 hours run from `aware_at`."""
        body = validate(BreachCreate, request.data)
        with refusals():
            breach = services.record_breach(**body.model_dump(), actor=actor_of(request), now=timezone.now())
        return Response(print_breach(breach), status=201)

    @extend_schema(
        parameters=[
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
        operation_id="breaches_list",
        responses={200: BreachPage, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """List breaches, the newest first."""
        pages = BreachPages()
        rows = pages.paginate_queryset(services.list_breaches(), request, view=self) or []
        return pages.get_paginated_response([print_breach(row) for row in rows])


class BreachView(_BreachView):
    """`/api/compliance/breaches/{id}`."""

    @extend_schema(responses={200: BreachResponse, **_ONE}, operation_id="breaches_retrieve")
    def get(self, request: Request, breach_id: UUID) -> Response:
        """Tell where a breach stands."""
        return Response(print_breach(_find(breach_id)))


class BreachDecisionView(_BreachView):
    """`/api/compliance/breaches/{id}/decisions`."""

    @extend_schema(request=BreachDecision, responses={200: BreachResponse, **_ONE, **_BODY})
    def post(self, request: Request, breach_id: UUID) -> Response:
        """Record that the authority or the persons were told or need not be, or that all is done."""
        body = validate(BreachDecision, request.data)
        with refusals():
            breach = services.decide(
                breach_id=breach_id,
                move=body.move,
                code=body.code,
                actor=actor_of(request),
                now=timezone.now(),
            )
        return Response(print_breach(breach))


class BreachAffectedView(_BreachView):
    """`/api/compliance/breaches/{id}/affected`."""

    @extend_schema(responses={200: AffectedSummary, **_ONE})
    def get(self, request: Request, breach_id: UUID) -> Response:
        """Count the persons concerned, by place and by where they live."""
        return Response(AffectedSummary.of(affected.summarize(_find(breach_id))).model_dump(mode="json"))

    @extend_schema(request=None, responses={(200, "text/csv"): OpenApiTypes.STR, **_ONE})
    def post(self, request: Request, breach_id: UUID) -> Any:
        """Return the persons concerned with their addresses as CSV, in order to tell them; audited."""
        return print_addresses(_find(breach_id), actor=actor_of(request))


@contextmanager
def refusals() -> Iterator[None]:
    """Turn refusals of the services into answers."""
    try:
        yield
    except DecisionRefused as error:
        raise Unprocessable(
            "invalid", "The body does not fit; see fields.", fields={error.field: error.message}
        ) from error
    except services.UnknownBreach as error:
        raise NotFound("unknown_breach", "No such breach.") from error


def print_addresses(breach: Breach, *, actor: str) -> HttpResponse:
    """Return the CSV of the persons concerned; the opening of their addresses is audited."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one, address in affected.list_addresses(breach, actor=actor, now=timezone.now()):
        writer.writerow([one.subject_id, address, one.jurisdiction, " ".join(one.places)])
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="affected-{breach.id}.csv"'
    return response


def print_breach(breach: Breach) -> dict[str, Any]:
    """Return a breach as the API shows it."""
    return BreachResponse.model_validate(breach).model_dump(mode="json")


def _find(breach_id: UUID) -> Breach:
    with refusals():
        return services.get_breach(breach_id)
