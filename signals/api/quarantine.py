"""Endpoints of the quarantine: what waits and why, one payload, and their replay."""

import json
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from revctx.api.errors import Forbidden, NotFound, Unprocessable
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, actor_of, scopes_of
from revctx.api.schemas import ErrorBody, RequestModel, ResponseModel
from revctx.api.times import Instant, parse_instant
from signals import selectors
from signals.models import QuarantinedPayload
from signals.services.quarantine import PayloadNotFound
from signals.services.quarantine_opening import inspect_payload
from signals.services.quarantine_replay import replay_payload, replay_waiting

_REFUSALS = dict.fromkeys((401, 403, 404), ErrorBody)
_FILTERS = [
    OpenApiParameter("source", OpenApiTypes.STR),
    OpenApiParameter("reason", OpenApiTypes.STR),
    OpenApiParameter("state", OpenApiTypes.STR, enum=["open", "resolved"]),
    OpenApiParameter("until", OpenApiTypes.STR, description="Last moment of receipt; a bare date: its end."),
    OpenApiParameter("limit", OpenApiTypes.INT),
    OpenApiParameter("cursor", OpenApiTypes.STR),
]
_CONTENT = OpenApiParameter(
    "content", OpenApiTypes.BOOL, description="Open the payload; needs `quarantine:open` and is audited."
)
Code = Annotated[str, Field(min_length=1, max_length=64)]


class QuarantinedResponse(ResponseModel):
    """A quarantined payload without its content."""

    id: UUID
    source: str
    reason: str
    state: str
    outcome: str = Field(description="How it ended; empty while it waits.")
    is_gone: bool = Field(description="Nothing is left of the content: a person was erased, or time is over.")
    signal_ids: list[UUID]
    replays: int
    replayed_at: datetime | None
    resolved_at: datetime | None
    received_at: datetime
    request_id: str

    @classmethod
    def of(cls, row: QuarantinedPayload) -> Self:
        """Return a row as the API prints it."""
        return cls.model_validate(row)


class QuarantinedDetail(QuarantinedResponse):
    """A quarantined payload; `content` only when it was asked for."""

    content: str | None = None


class ReasonCount(ResponseModel):
    """How many payloads of a source wait for one reason."""

    source: str
    reason: str
    waiting: int
    gone: int
    oldest_at: datetime


class QuarantinePageResponse(ResponseModel):
    """One page of the quarantine, and what waits in the whole of it."""

    next: str | None
    results: list[QuarantinedResponse]
    counts: list[ReasonCount]


class ReplayResponse(ResponseModel):
    """What became of a payload; `reason` says why it still waits."""

    id: UUID
    status: str
    reason: str
    signal_ids: list[UUID]


class BulkReplayRequest(RequestModel):
    """Which waiting payloads to replay; without filters, all."""

    source: Code | None = None
    reason: Code | None = None
    untried_since: Instant | None = Field(None, description="The `started_at` of the answer to go on from.")


class BulkReplayResponse(ResponseModel):
    """What became of up to 200 payloads; go on until `remaining` is 0."""

    statuses: dict[str, int]
    still_waiting: dict[str, int] = Field(description="By reason.")
    remaining: int
    started_at: datetime


class _Page(CursorPage):
    ordering = ("-received_at", "-id")


class QuarantineListView(APIView):
    """`/api/signals/quarantine`."""

    permission_classes = [HasScope("signals:read")]

    @extend_schema(
        operation_id="quarantine_list",
        parameters=_FILTERS,
        responses={200: QuarantinePageResponse, 401: ErrorBody, 403: ErrorBody, 422: ErrorBody},
    )
    def get(self, request: Request) -> Response:
        """List quarantined payloads, newest first, with counts by source and reason."""
        query = request.query_params
        asked: dict[str, Any] = {name: query[name] for name in ("source", "reason", "state") if name in query}
        if any("\x00" in value for value in asked.values()):
            raise Unprocessable("invalid_filter", "A filter must be a text without NUL.")
        if "until" in query:
            asked["received_before"] = parse_instant(query["until"])
        pages = _Page()
        rows = pages.paginate_queryset(selectors.list_quarantine(**asked), request, view=self) or []
        page = QuarantinePageResponse(
            next=pages.get_next_link(),
            results=[QuarantinedResponse.of(row) for row in rows],
            counts=[ReasonCount.model_validate(count) for count in selectors.count_quarantine()],
        )
        return Response(page.model_dump(mode="json"))


class QuarantineDetailView(APIView):
    """`/api/signals/quarantine/{id}`."""

    permission_classes = [HasScope("signals:read")]

    @extend_schema(
        operation_id="quarantine_retrieve",
        parameters=[_CONTENT],
        responses={200: QuarantinedDetail, **_REFUSALS},
    )
    def get(self, request: Request, payload_id: UUID) -> Response:
        """Return one payload; its content, sealed otherwise, with `content=true`."""
        row = selectors.list_quarantine().filter(id=payload_id).first()
        if row is None:
            raise _not_found()
        detail = QuarantinedDetail(**QuarantinedResponse.of(row).model_dump())
        if request.query_params.get("content") == "true":
            if "quarantine:open" not in scopes_of(request):
                raise Forbidden("permission_denied", "This needs the scope quarantine:open.")
            payload = inspect_payload(payload_id=payload_id, actor=actor_of(request), now=timezone.now())
            detail.content = readable(payload) if payload is not None else None
        return Response(detail.model_dump(mode="json"))


class QuarantineReplayView(APIView):
    """`/api/signals/quarantine/{id}/replay`."""

    permission_classes = [HasScope("signals:write")]

    @extend_schema(
        operation_id="quarantine_replay", request=None, responses={200: ReplayResponse, **_REFUSALS}
    )
    def post(self, request: Request, payload_id: UUID) -> Response:
        """Map one payload again; a payload that ended answers with how."""
        row = selectors.list_quarantine().filter(id=payload_id).first()
        if row is None:
            raise _not_found()
        _check_source(request, row.source)
        try:
            result = replay_payload(payload_id=payload_id, actor=actor_of(request), now=timezone.now())
        except PayloadNotFound as error:
            raise _not_found() from error
        answer = ReplayResponse(
            id=result.payload_id,
            status=result.status,
            reason=result.reason,
            signal_ids=list(result.signal_ids),
        )
        return Response(answer.model_dump(mode="json"))


class QuarantineBulkReplayView(APIView):
    """`/api/signals/quarantine/replay`."""

    permission_classes = [HasScope("signals:write")]

    @extend_schema(
        operation_id="quarantine_replay_many",
        request=BulkReplayRequest,
        responses={200: BulkReplayResponse, 400: ErrorBody, 401: ErrorBody, 403: ErrorBody, 422: ErrorBody},
    )
    def post(self, request: Request) -> Response:
        """Map up to 200 waiting payloads of a source and reason again."""
        body = validate(BulkReplayRequest, request.data)
        source = body.source or getattr(request.auth, "source", "") or None
        _check_source(request, source or "")
        result = replay_waiting(
            source=source,
            reason=body.reason,
            untried_since=body.untried_since,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(BulkReplayResponse.model_validate(result).model_dump(mode="json"))


def readable(payload: bytes) -> str:
    """Return a payload as text: JSON with line breaks, anything else as it is."""
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload.decode("utf-8", errors="replace")


def _check_source(request: Request, source: str) -> None:
    """Refuse a source that the caller's token is not for."""
    allowed = getattr(request.auth, "source", "")
    if allowed and allowed != source:
        raise Forbidden("wrong_source", f"This token replays payloads of {allowed} only.")


def _not_found() -> NotFound:
    return NotFound("not_found", "There is no quarantined payload with this id.")
