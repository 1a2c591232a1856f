"""Endpoints of the signal store."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from revctx.api.errors import NotFound, Unprocessable
from revctx.api.pagination import CursorPage
from revctx.api.parsing import MAX_BYTES, NDJSONParser, StrictJSONParser
from revctx.api.permissions import HasScope, MethodScope, actor_of, token_of
from revctx.api.schemas import ErrorBody
from revctx.api.times import parse_instant
from signals import selectors
from signals.api.doors import MAX_BATCH, MAX_BATCH_BYTES, take_many, take_one
from signals.api.serializers import (
    BatchReceipt,
    SignalDetailResponse,
    SignalPageResponse,
    SignalReceipt,
    SignalRequest,
    SignalResponse,
)

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
REFUSALS = dict.fromkeys((400, 401, 403, 413, 415, 422, 429, 503), ErrorBody)


class SignalPage(CursorPage):
    """The latest to occur first."""

    ordering = ("-occurred_at", "-id")


class SignalListView(APIView):
    """`/api/signals`."""

    permission_classes = [MethodScope(get="signals:read", post="signals:write")]
    take = staticmethod(take_one)
    lean_scope, lean_status, max_body_bytes = "signals:write", 202, MAX_BYTES
    lean_parsers = ("application/json",)

    @extend_schema(request=SignalRequest, responses={202: SignalReceipt, **REFUSALS})
    def post(self, request: Request) -> Response:
        """Store a signal; a repetition answers with the id of the first."""
        return Response(self.take(request.data, token_of(request), actor_of(request)), status=202)

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


class SignalBatchView(APIView):
    """`/api/signals/batch`."""

    permission_classes = [HasScope("signals:write")]
    parser_classes = [StrictJSONParser, NDJSONParser]
    take = staticmethod(take_many)
    lean_scope, lean_status, max_body_bytes = "signals:write", 207, MAX_BATCH_BYTES
    lean_parsers = ("application/json", "application/x-ndjson")

    @extend_schema(
        request={
            "application/json": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/SignalRequest"},
                "maxItems": MAX_BATCH,
            },
            "application/x-ndjson": {"type": "string", "description": "One signal a line."},
        },
        responses={207: BatchReceipt, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Store up to 1,000 signals; what can't be stored is named by its index, the rest is stored."""
        return Response(self.take(request.data, token_of(request), actor_of(request)), status=207)


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


def _text(name: str, value: str) -> str:
    """Return a filter's text, or refuse what PostgreSQL can't compare."""
    if "\x00" in value or not value:
        raise Unprocessable("invalid_filter", f"{name} must be a text without NUL.")
    return value
