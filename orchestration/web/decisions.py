"""Posts of the queue page: each calls one service and shows where it led."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from orchestration import selectors
from orchestration.services import approval
from orchestration.web import wording
from orchestration.web.queue import QueueView
from revctx.api.errors import ApiError, Conflict, NotFound

T = TypeVar("T")


class Decision(QueueView):
    """One post: on success go on, on refusal show the current action and what happened."""

    scope = "actions:review"
    http_method_names = ["post"]
    editing = False

    def post(self, request: HttpRequest, action_id: UUID) -> HttpResponse:
        """Decide, then open what waits next."""
        try:
            self.decide(action_id=action_id, now=datetime.now(UTC))
        except NotFound:
            raise
        except ApiError as error:
            return self.show_refusal(action_id, error)
        return redirect(self.get_success_url(action_id))

    def decide(self, *, action_id: UUID, now: datetime) -> None:
        """Call the service. Raises ApiError when it refuses."""
        raise NotImplementedError

    def get_success_url(self, action_id: UUID) -> str:
        """Return the next action of the queue that the reader came from."""
        next_id = _parse(UUID, self.request.POST.get("next_id", ""))
        return f"/approvals/{next_id}" if next_id else "/approvals"

    def show_refusal(self, action_id: UUID, error: ApiError) -> HttpResponse:
        """Render the action as it is now under the refusal."""
        context = self.get_queue_context(
            action_id=action_id, problem=wording.describe_refusal(error), editing=self.editing
        )
        return self.render_to_response(context, status=error.status)

    @property
    def version(self) -> int | None:
        """Return the version of the action that the reader saw."""
        return _parse(int, self.request.POST.get("version", ""))


class Approve(Decision):
    """Approve exactly the text whose hash the page carried."""

    scope = "actions:approve"

    def decide(self, *, action_id: UUID, now: datetime) -> None:
        """Approve it."""
        approval.approve(
            action_id=action_id,
            version=self.version,
            content_hash=self.request.POST.get("content_hash"),
            actor_user_id=self.user.pk,
            now=now,
        )


class Reject(Decision):
    """Reject for one of the listed reasons."""

    def decide(self, *, action_id: UUID, now: datetime) -> None:
        """Reject it."""
        approval.reject(
            action_id=action_id,
            version=self.version,
            reason_code=self.request.POST.get("reason", ""),
            note=self.request.POST.get("note", ""),
            actor_user_id=self.user.pk,
            now=now,
        )


class Undo(Decision):
    """Take back an approval during its hold."""

    scope = "actions:approve"

    def decide(self, *, action_id: UUID, now: datetime) -> None:
        """Undo it."""
        approval.undo(action_id=action_id, actor_user_id=self.user.pk, now=now)

    def get_success_url(self, action_id: UUID) -> str:
        """Return the action itself: it waits again."""
        return f"/approvals/{action_id}"


class Edit(Decision):
    """Change subject and text; another person has to approve the result."""

    http_method_names = ["get", "post"]
    editing = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the page with the text in a form."""
        return self.get_queue_context(action_id=kwargs["action_id"], editing=True)

    def decide(self, *, action_id: UUID, now: datetime) -> None:
        """Store the new revision."""
        approval.edit(
            action_id=action_id,
            version=self.version,
            subject=self.request.POST.get("subject", ""),
            body=self.request.POST.get("body", "").replace("\r\n", "\n"),
            actor_user_id=self.user.pk,
            now=now,
        )

    def get_success_url(self, action_id: UUID) -> str:
        """Return the action with its new revision."""
        return f"/approvals/{action_id}"

    def show_refusal(self, action_id: UUID, error: ApiError) -> HttpResponse:
        """Keep what was typed where the text was refused; show the current text where it changed."""
        context = self.get_queue_context(
            action_id=action_id, problem=wording.describe_refusal(error), editing=error.status == 422
        )
        if error.status == 422:
            context["edited"] = {key: self.request.POST.get(key, "") for key in ("subject", "body")}
        return self.render_to_response(context, status=error.status)


class Claim(QueueView):
    """Say that the reader is looking at an action, and let go of what they looked at before."""

    scope = "actions:review"
    http_method_names = ["post"]
    template_name = "orchestration/_presence.html"

    def post(self, request: HttpRequest, action_id: UUID) -> HttpResponse:
        """Return the presence banner: empty, or who was quicker."""
        now = datetime.now(UTC)
        for other in selectors.list_claimed(user_id=self.user.pk, now=now):
            if other != action_id:
                approval.release(action_id=other, actor_user_id=self.user.pk, now=now)
        try:
            approval.claim(action_id=action_id, actor_user_id=self.user.pk, now=now)
        except Conflict as error:
            return self.render_to_response({"moved_on": error.message})
        return HttpResponse(status=204)


def _parse(kind: Callable[[str], T], value: str) -> T | None:
    try:
        return kind(value)
    except ValueError:
        return None
