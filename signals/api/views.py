"""Endpoints of the signal store."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from revctx.api.errors import Forbidden, NotFound, Unprocessable
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, MethodScope, actor_of
from revctx.api.schemas import ErrorBody
from revctx.api.times import parse_instant
from signals import selectors
from signals.api.serializers import (
    SignalDetailResponse,
    SignalPageResponse,
    SignalReceipt,
    SignalRequest,
    SignalResponse,
)
from signals.normalization import InvalidDraft
from signals.services.ingest import ingest_signals

_FILTERS = ("account", "type", "source")
_PARAMETERS = [
    OpenApiParameter("account", OpenApiTypes.STR, description="Any reference, as the source gave it."),
    OpenApiParameter("type", OpenApiTypes.STR),
    OpenApiParameter("source", OpenApiTypes.STR),
    OpenApiParameter("since", OpenApiTypes.STR, description="First moment of occurrence."),
    OpenApiParameter("until", OpenApiTypes.STR, description="Last moment; a bare date means its end."),
    OpenApiParameter("limit", OpenApiTypes.INT),
    OpenApiParameter("cursor", OpenApiTypes.STR),
]
_REFUSALS = {400: ErrorBody, 401: ErrorBody, 403: ErrorBody, 413: ErrorBody, 415: ErrorBody, 422: ErrorBody}


class SignalPage(CursorPage):
    """The latest to occur first."""

    ordering = ("-occurred_at", "-id")


class SignalListView(APIView):
    """`/api/signals`."""

    permission_classes = [MethodScope(get="signals:read", post="signals:write")]

    @extend_schema(request=SignalRequest, responses={202: SignalReceipt, **_REFUSALS})
    def post(self, request: Request) -> Response:
        """Store a signal; a repetition answers with the id of the first."""
        draft = validate(SignalRequest, request.data).to_draft()
        _check_source(request, draft.source)
        try:
            [result] = ingest_signals(drafts=[draft], actor=actor_of(request), now=timezone.now())
        except InvalidDraft as error:
            raise Unprocessable(
                error.code, f"{error.field}: {error.message}.", fields={error.field: error.message}
            ) from error
        receipt = SignalReceipt(id=result.signal_id, status=result.status)
        return Response(receipt.model_dump(mode="json"), status=202)

    @extend_schema(
        operation_id="signals_list",
        parameters=_PARAMETERS,
        responses={200: SignalPageResponse, 401: ErrorBody, 403: ErrorBody, 422: ErrorBody},
    )
    def get(self, request: Request) -> Response:
        """List signals, the latest to occur first."""
        query = request.query_params
        filters: dict[str, Any] = {name: _text(name, query[name]) for name in _FILTERS if name in query}
        for name in {"since", "until"} & set(query):
            filters[name] = parse_instant(query[name], end_of_day=name == "until")
        signals = selectors.list_signals(**filters)
        pages = SignalPage()
        page = pages.paginate_queryset(signals, request, view=self) or []
        return pages.get_paginated_response([SignalResponse.of(row).model_dump(mode="json") for row in page])


class SignalDetailView(APIView):
    """`/api/signals/{id}`."""

    permission_classes = [HasScope("signals:read")]

    @extend_schema(responses={200: SignalDetailResponse, 401: ErrorBody, 403: ErrorBody, 404: ErrorBody})
    def get(self, request: Request, signal_id: UUID) -> Response:
        """Return one signal and the other versions of its event."""
        try:
            signal = selectors.get_signal(signal_id=signal_id)
        except selectors.SignalNotFound as error:
            raise NotFound("not_found", "There is no signal with this id.") from error
        detail = SignalDetailResponse(
            **SignalResponse.of(signal).model_dump(), conflicts=selectors.list_conflicts(signal_id=signal_id)
        )
        return Response(detail.model_dump(mode="json"))


def _check_source(request: Request, source: str) -> None:
    """Refuse a source that the caller's token is not for."""
    allowed = getattr(request.auth, "source", "")
    if allowed and allowed != source:
        raise Forbidden("wrong_source", f"This token writes signals of {allowed} only.")


def _text(name: str, value: str) -> str:
    """Return a filter's text, or refuse what PostgreSQL can't compare."""
    if "\x00" in value or not value:
        raise Unprocessable("invalid_filter", f"{name} must be a text without NUL.")
    return value
