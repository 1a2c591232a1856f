"""Endpoints of actions, and the link by which a reader stops letters."""

from dataclasses import asdict
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orchestration import selectors, unsubscribing
from orchestration.api.schemas import (
    ActionBody,
    ApproveRequest,
    EditRequest,
    MoveResponse,
    PendingAction,
    PendingPage,
    RejectRequest,
    print_pending,
)
from orchestration.contracts import MoveResult
from orchestration.services import approval
from orchestration.services.consenting import honour_gpc, withdraw_by_action
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, MethodScope, actor_of
from revctx.api.schemas import ErrorBody

REFUSALS = dict.fromkeys((401, 403, 404, 409, 410, 422, 428), ErrorBody)


class QueuePage(CursorPage):
    """Pages of the queue, the hottest first."""

    ordering = ("-intent", "id")
    max_page_size = 100


def _user_id(request: Request) -> int:
    """Return the person behind a request; the permissions let nobody without one through."""
    return int(request.user.pk or 0)


def _print_move(result: MoveResult) -> Response:
    return Response(MoveResponse(**asdict(result)).model_dump(mode="json"))


class PendingView(APIView):
    """`GET /api/actions/pending`."""

    permission_classes = [HasScope("actions:read")]

    @extend_schema(responses={200: PendingPage}, operation_id="actions_pending")
    def get(self, request: Request) -> Response:
        """List what waits for a decision, with context, preview and reasoning."""
        paginator = QueuePage()
        page = paginator.paginate_queryset(selectors.query_pending(), request, view=self) or []
        found = selectors.summarise_actions(page, actor=actor_of(request), now=timezone.now())
        return paginator.get_paginated_response([print_pending(summary) for summary in found])


class NextView(APIView):
    """`GET /api/actions/next`."""

    permission_classes = [HasScope("actions:review")]

    @extend_schema(responses={200: PendingAction, 204: None}, operation_id="actions_next")
    def get(self, request: Request) -> Response:
        """Return the hottest action that this person could decide on, or 204."""
        now = timezone.now()
        action = selectors.find_next(user_id=_user_id(request), now=now)
        if action is None:
            return Response(status=204)
        [summary] = selectors.summarise_actions([action], actor=actor_of(request), now=now)
        return Response(print_pending(summary))


class ActionView(APIView):
    """`GET, PATCH /api/actions/{id}`."""

    permission_classes = [MethodScope(get="actions:read", patch="actions:review")]

    @extend_schema(responses={200: ActionBody, 404: ErrorBody}, operation_id="action_detail")
    def get(self, request: Request, action_id: UUID) -> Response:
        """Return everything that a reviewer decides by."""
        now = timezone.now()
        detail = selectors.get_action_detail(action_id=action_id, viewer=_user_id(request), now=now)
        return Response(asdict(detail))

    @extend_schema(request=EditRequest, responses={200: MoveResponse, **REFUSALS}, operation_id="action_edit")
    def patch(self, request: Request, action_id: UUID) -> Response:
        """Replace the text: a new revision, verified again, to be approved by somebody else."""
        body = validate(EditRequest, request.data)
        result = approval.edit(
            action_id=action_id,
            version=body.version,
            subject=body.subject,
            body=body.body,
            actor_user_id=_user_id(request),
            now=timezone.now(),
        )
        return _print_move(result)


class ApproveView(APIView):
    """`POST /api/actions/{id}/approve`."""

    permission_classes = [HasScope("actions:approve")]

    @extend_schema(
        request=ApproveRequest, responses={200: MoveResponse, **REFUSALS}, operation_id="action_approve"
    )
    def post(self, request: Request, action_id: UUID) -> Response:
        """Approve exactly the text whose hash is given; it goes out when the hold is over."""
        body = validate(ApproveRequest, request.data)
        result = approval.approve(
            action_id=action_id,
            version=body.version,
            content_hash=body.content_hash,
            note=body.note,
            actor_user_id=_user_id(request),
            now=timezone.now(),
        )
        return _print_move(result)


class RejectView(APIView):
    """`POST /api/actions/{id}/reject`."""

    permission_classes = [HasScope("actions:review", "actions:approve")]

    @extend_schema(
        request=RejectRequest, responses={200: MoveResponse, **REFUSALS}, operation_id="action_reject"
    )
    def post(self, request: Request, action_id: UUID) -> Response:
        """Reject for a catalogued reason."""
        body = validate(RejectRequest, request.data)
        result = approval.reject(
            action_id=action_id,
            version=body.version,
            reason_code=body.reason_code,
            note=body.note,
            actor_user_id=_user_id(request),
            now=timezone.now(),
        )
        return _print_move(result)


class ClaimView(APIView):
    """`POST /api/actions/{id}/claim`."""

    permission_classes = [HasScope("actions:review", "actions:approve")]

    @extend_schema(request=None, responses={200: MoveResponse, **REFUSALS}, operation_id="action_claim")
    def post(self, request: Request, action_id: UUID) -> Response:
        """Reserve the action for a while; again extends it."""
        now = timezone.now()
        return _print_move(approval.claim(action_id=action_id, actor_user_id=_user_id(request), now=now))


class ReleaseView(APIView):
    """`POST /api/actions/{id}/release`."""

    permission_classes = [HasScope("actions:review", "actions:approve")]

    @extend_schema(request=None, responses={200: MoveResponse, **REFUSALS}, operation_id="action_release")
    def post(self, request: Request, action_id: UUID) -> Response:
        """Give up one's own claim."""
        now = timezone.now()
        return _print_move(approval.release(action_id=action_id, actor_user_id=_user_id(request), now=now))


class UndoView(APIView):
    """`POST /api/actions/{id}/undo`."""

    permission_classes = [HasScope("actions:approve")]

    @extend_schema(request=None, responses={200: MoveResponse, **REFUSALS}, operation_id="action_undo")
    def post(self, request: Request, action_id: UUID) -> Response:
        """Take an approval back while the hold runs."""
        now = timezone.now()
        return _print_move(approval.undo(action_id=action_id, actor_user_id=_user_id(request), now=now))


@method_decorator(csrf_exempt, name="dispatch")
class UnsubscribeView(View):
    """`/api/unsubscribe/{token}`: what the footer and the one-click header of a letter lead to.

    The signed token is the authority, so no sign-in and no CSRF token are asked for (RFC 8058).
    """

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Ask, for link scanners open links too."""
        found = unsubscribing.read_token(token) is not None
        return self._page(request, "ask" if found else "unknown", status=200 if found else 404)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Withdraw the consent at once; again changes nothing."""
        action_id = unsubscribing.read_token(token)
        if action_id is None or not withdraw_by_action(action_id=action_id, now=timezone.now()):
            return self._page(request, "unknown", status=404)
        opted_out = honour_gpc(action_id=action_id, headers=request.headers, now=timezone.now())
        return self._page(request, "done", status=200, opted_out=opted_out)

    def _page(self, request: HttpRequest, step: str, *, status: int, opted_out: bool = False) -> HttpResponse:
        context = {"step": step, "opted_out": opted_out}
        return render(request, "orchestration/unsubscribe.html", context, status=status)
