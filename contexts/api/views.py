"""Endpoints of accounts and their scores."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contexts import selectors
from contexts.api.asking import find_account, read_instant
from contexts.api.cursors import decode_priority, decode_time, encode, next_url, read_limit, read_number
from contexts.api.serializers import (
    AccountDetail,
    AccountPage,
    AccountSummary,
    ScoreResponse,
    TimelineEntryResponse,
    TimelinePage,
)
from contexts.contracts import AccountRow, TimelineEntry
from contexts.prompts import render_prompt
from contexts.scoring import BANDS
from contexts.services.packs import MIN_TOKENS, PackTooSmall, build_pack
from revctx.api.errors import NotFound, Unprocessable
from revctx.api.permissions import HasScope
from revctx.api.schemas import ErrorBody
from revctx.reading import reading

MAX_PACK_TOKENS = 32_000
_REFUSALS = {401: ErrorBody, 403: ErrorBody, 404: ErrorBody, 422: ErrorBody}
_PAGE = [OpenApiParameter("limit", OpenApiTypes.INT), OpenApiParameter("cursor", OpenApiTypes.STR)]
_AS_OF = OpenApiParameter(
    "as_of",
    OpenApiTypes.STR,
    description=(
        "What had occurred by then; a bare date: its end. Of past bands only the hot one is kept: "
        "one that was still warm below the threshold that enters it reads cold."
    ),
)
_KNOWN_AT = OpenApiParameter(
    "known_at", OpenApiTypes.STR, description="What was recorded by then; default now."
)


class AccountListView(APIView):
    """`/api/accounts`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(
        operation_id="accounts_list",
        parameters=[
            OpenApiParameter(
                "search", OpenApiTypes.STR, description="Part of the name, or start of an alias."
            ),
            OpenApiParameter("band", OpenApiTypes.STR, enum=list(BANDS)),
            OpenApiParameter(
                "attribute", OpenApiTypes.STR, description="name:value, such as industry:retail."
            ),
            _AS_OF,
            *_PAGE,
        ],
        responses={200: AccountPage, 401: ErrorBody, 403: ErrorBody, 422: ErrorBody},
    )
    def get(self, request: Request) -> Response:
        """List accounts by priority, stored at most a minute ago or as of a time."""
        query, limit = request.query_params, read_limit(request)
        as_of = read_instant(request, "as_of")
        after, known_at = None, timezone.now() if as_of else None
        if "cursor" in query:
            priority, last_id, known_at = decode_priority(query["cursor"])
            after = (priority, last_id)
        rows = selectors.list_accounts(
            search=_text(request, "search"),
            band=_band(query.get("band", "")),
            attributes=_attribute(_text(request, "attribute")),
            as_of=as_of,
            known_at=known_at if as_of else None,
            after=after,
            limit=limit + 1,
        )
        page = AccountPage(
            next=_next_page(request, rows[limit - 1], known_at) if len(rows) > limit else None,
            results=[AccountSummary.model_validate(row) for row in rows[:limit]],
        )
        return Response(page.model_dump(mode="json"))


class AccountDetailView(APIView):
    """`/api/accounts/{ref}`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(responses={200: AccountDetail, **_REFUSALS})
    def get(self, request: Request, ref: str) -> Response:
        """Return an account by its id or any alias."""
        account_id, now = find_account(ref), timezone.now()
        detail = AccountDetail.of(
            selectors.get_account(account_id),
            selectors.list_contacts(account_id),
            selectors.get_quality(account_id=account_id, now=now),
            selectors.get_score(account_id=account_id, as_of=now),
        )
        return Response(detail.model_dump(mode="json"))


class AccountScoreView(APIView):
    """`/api/accounts/{ref}/score`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(parameters=[_AS_OF, _KNOWN_AT], responses={200: ScoreResponse, **_REFUSALS})
    def get(self, request: Request, ref: str) -> Response:
        """Return the score at a time as known at a time, and what it is made of."""
        now = timezone.now()
        as_of = read_instant(request, "as_of") or now
        known_at = read_instant(request, "known_at")
        with reading():
            account_id = find_account(ref, known_at)
            score = selectors.get_score(account_id=account_id, as_of=as_of, known_at=known_at, now=now)
            would_raise = selectors.get_would_raise(account_id=account_id, as_of=as_of, known_at=known_at)
        return Response(ScoreResponse.of(score, would_raise).model_dump(mode="json"))


class AccountTimelineView(APIView):
    """`/api/accounts/{ref}/timeline`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(parameters=_PAGE, responses={200: TimelinePage, **_REFUSALS})
    def get(self, request: Request, ref: str) -> Response:
        """List what happened to an account, the newest first."""
        limit = read_limit(request)
        cursor = request.query_params.get("cursor")
        before = decode_time(cursor) if cursor else None
        entries = selectors.get_timeline(find_account(ref), limit + 1, before=before)
        last = entries[limit - 1] if len(entries) > limit else None
        page = TimelinePage(
            next=next_url(request, encode(last.at.isoformat(), str(last.id))) if last else None,
            results=[_timeline_entry(entry) for entry in entries[:limit]],
        )
        return Response(page.model_dump(mode="json"))


class AccountPackView(APIView):
    """`/api/accounts/{ref}/context-pack`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(
        parameters=[OpenApiParameter("max_tokens", OpenApiTypes.INT, description="Default 2000.")],
        responses={200: OpenApiTypes.OBJECT, **_REFUSALS},
    )
    def get(self, request: Request, ref: str) -> Response:
        """Build, store and return the context pack of an account as of now."""
        max_tokens = read_number(request.query_params.get("max_tokens", "2000"))
        if max_tokens is None or not MIN_TOKENS <= max_tokens <= MAX_PACK_TOKENS:
            raise Unprocessable(
                "invalid_max_tokens", f"max_tokens must be from {MIN_TOKENS} to {MAX_PACK_TOKENS}."
            )
        try:
            pack = build_pack(account_id=find_account(ref), now=timezone.now(), max_tokens=max_tokens)
        except PackTooSmall as error:
            raise Unprocessable(
                "max_tokens_too_small", f"What a pack always holds takes {error.needed} tokens here."
            ) from error
        return Response({**pack.to_dict(), "prompt": render_prompt(pack)})


class StoredPackView(APIView):
    """`/api/context-packs/{id}`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **_REFUSALS})
    def get(self, request: Request, pack_id: UUID) -> Response:
        """Return a pack as it was built, without persons who are erased or restricted by now."""
        try:
            found = selectors.read_pack(pack_id)
        except selectors.PackNotFound as error:
            raise NotFound("not_found", "There is no such pack.") from error
        return Response(
            {
                **found.pack.to_dict(),
                "prompt": render_prompt(found.pack),
                "hidden": found.hidden,
                "intact": found.intact,
            }
        )


def _text(request: Request, name: str) -> str:
    text: str = request.query_params.get(name, "")
    if "\x00" in text or len(text) > 200:
        raise Unprocessable("invalid_filter", f"{name} must be a text of at most 200 characters without NUL.")
    return text


def _band(text: str) -> str:
    if text and text not in BANDS:
        raise Unprocessable("invalid_filter", f"band must be one of {', '.join(BANDS)}.")
    return text


def _attribute(text: str) -> dict[str, str]:
    name, separator, value = text.partition(":")
    if text and not (name and separator and value):
        raise Unprocessable("invalid_filter", "attribute must look like industry:retail.")
    return {name: value} if text else {}


def _next_page(request: Request, last: AccountRow, known_at: datetime | None) -> str:
    stamp = known_at.isoformat() if known_at else ""
    return next_url(request, encode(last.priority, str(last.id), stamp))


def _timeline_entry(entry: TimelineEntry) -> TimelineEntryResponse:
    return TimelineEntryResponse(
        at=entry.at,
        kind=entry.kind,
        id=entry.id,
        type=entry.type,
        person=entry.subject_id,
        detail=entry.detail,
    )
