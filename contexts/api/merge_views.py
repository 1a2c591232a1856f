"""Endpoints of merging, splitting and the review list."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contexts import selectors
from contexts.aliases import find_id
from contexts.api.merge_bodies import (
    CandidatePage,
    CandidateResponse,
    MergePage,
    MergeRequest,
    MergeResponse,
    PreviewResponse,
)
from contexts.identity_models import IdentityMerge, MergeCandidate
from contexts.selectors.merges import list_candidates, list_merges
from contexts.services.matching import UnknownCandidate, dismiss
from contexts.services.merge_preview import preview_merge
from contexts.services.merging import MergeRefused, merge, undo
from revctx.api.errors import Conflict, NotFound, Unprocessable
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, MethodScope, actor_of
from revctx.api.schemas import ErrorBody

_REFUSALS = {401: ErrorBody, 403: ErrorBody}
_BODY = {400: ErrorBody, 404: ErrorBody, 409: ErrorBody, 422: ErrorBody, **_REFUSALS}
_PAGE = [OpenApiParameter("limit", OpenApiTypes.INT), OpenApiParameter("cursor", OpenApiTypes.STR)]
STATES = MergeCandidate.State.values


class _Merges(CursorPage):
    ordering = ("-merged_at", "-id")


class _Candidates(CursorPage):
    ordering = ("-created_at", "-id")


class MergesView(APIView):
    """`/api/identity/merges`."""

    permission_classes = [MethodScope(get="accounts:read", post="accounts:write")]

    @extend_schema(
        operation_id="identity_merges_list", parameters=_PAGE, responses={200: MergePage, **_REFUSALS}
    )
    def get(self, request: Request) -> Response:
        """List merges, also those undone, the newest first."""
        pages = _Merges()
        rows = pages.paginate_queryset(list_merges(), request, view=self) or []
        return pages.get_paginated_response([_print(row) for row in rows])

    @extend_schema(request=MergeRequest, responses={201: MergeResponse, **_BODY})
    def post(self, request: Request) -> Response:
        """Merge the first into the second; undo it whenever you like."""
        pair = _read_pair(request)
        with refusals():
            merge_id = merge(**pair, actor=actor_of(request), now=timezone.now())
        return Response(_print(_find(merge_id)), status=201)


class MergePreviewView(APIView):
    """`/api/identity/merges/preview`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(request=MergeRequest, responses={200: PreviewResponse, **_BODY})
    def post(self, request: Request) -> Response:
        """Tell what a merge would change: scores, bands, consent, pending drafts. Nothing is changed."""
        pair = _read_pair(request)
        with refusals():
            preview = preview_merge(**pair, now=timezone.now())
        return Response(PreviewResponse.model_validate(preview).model_dump(mode="json"))


class MergeView(APIView):
    """`/api/identity/merges/{id}`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(
        operation_id="identity_merges_retrieve", responses={200: MergeResponse, 404: ErrorBody, **_REFUSALS}
    )
    def get(self, request: Request, merge_id: UUID) -> Response:
        """Return a merge."""
        return Response(_print(_find(merge_id)))


class MergeUndoView(APIView):
    """`/api/identity/merges/{id}/undo`."""

    permission_classes = [HasScope("accounts:write")]

    @extend_schema(request=None, responses={200: MergeResponse, **_BODY})
    def post(self, request: Request, merge_id: UUID) -> Response:
        """Split what was merged; scores are what they would be without it."""
        _find(merge_id)
        with refusals():
            undo(merge_id=merge_id, actor=actor_of(request), now=timezone.now())
        return Response(_print(_find(merge_id)))


class CandidatesView(APIView):
    """`/api/identity/candidates`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(
        operation_id="identity_candidates_list",
        parameters=[OpenApiParameter("state", OpenApiTypes.STR, enum=STATES), *_PAGE],
        responses={200: CandidatePage, 422: ErrorBody, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """List pairs that may be one, the newest first; those open unless another state is asked for."""
        state = request.query_params.get("state", "open")
        if state not in STATES:
            raise Unprocessable("invalid_filter", f"state must be one of {', '.join(STATES)}.")
        pages = _Candidates()
        rows = pages.paginate_queryset(list_candidates(state=state), request, view=self) or []
        return pages.get_paginated_response(
            [CandidateResponse.model_validate(row).model_dump(mode="json") for row in rows]
        )


class CandidateDismissView(APIView):
    """`/api/identity/candidates/{id}/dismiss`."""

    permission_classes = [HasScope("accounts:write")]

    @extend_schema(request=None, responses={204: None, 404: ErrorBody, **_REFUSALS})
    def post(self, request: Request, candidate_id: UUID) -> Response:
        """Take a pair off the review list for good."""
        try:
            dismiss(candidate_id=candidate_id, actor=actor_of(request), now=timezone.now())
        except UnknownCandidate as error:
            raise NotFound("not_found", "There is no such open match.") from error
        return Response(status=204)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a refusal of the service into an answer."""
    try:
        yield
    except MergeRefused as error:
        message = f"{str(error)[:1].upper()}{str(error)[1:]}."
        if error.code.startswith("unknown"):
            raise NotFound(error.code, message) from error
        raise Conflict(error.code, message) from error


def _read_pair(request: Request) -> dict[str, Any]:
    body = validate(MergeRequest, request.data)
    read = _read_account if body.kind == "account" else _read_person
    return {"kind": body.kind, "merged_id": read(body.merged), "survivor_id": read(body.survivor)}


def _read_account(ref: str) -> UUID:
    """Return an id as it is given, so that a merged account is told from its survivor; else by alias."""
    try:
        return find_id(ref) or selectors.get_account_id(ref)
    except selectors.AccountNotFound as error:
        raise NotFound("unknown_account", "There is no account with this id or alias.") from error


def _read_person(ref: str) -> UUID:
    person = find_id(ref)
    if person is None:
        raise Unprocessable("invalid_person", "A person is named by the id that signals and contacts show.")
    return person


def _find(merge_id: UUID) -> IdentityMerge:
    row = IdentityMerge.objects.filter(id=merge_id).first()
    if row is None:
        raise NotFound("not_found", "There is no such merge.")
    return row


def _print(row: IdentityMerge) -> dict[str, Any]:
    return MergeResponse.model_validate(row).model_dump(mode="json")
