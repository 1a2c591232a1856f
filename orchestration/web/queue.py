"""The queue page: rail of what waits, and one action with context, text and reasoning."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from contexts.selectors import get_hot_threshold
from orchestration import selectors
from orchestration.contracts import ActionDetail
from orchestration.policy import State
from orchestration.web import reads, wording
from orchestration.web.reads import ActionRow
from orchestration.web.wording import Problem
from revctx.reading import reading
from revctx.web.access import ScopedPage
from revctx.web.people import name_actors, name_users

EXPIRING_SHARE = 0.5  # of the time to decide
PATIENCE = 10  # seconds between looks at an action that should have gone out already


@dataclass(frozen=True)
class RailItem:
    """One row of the rail; `claimed_name` is set when somebody else is reviewing it."""

    action: ActionRow
    band: str
    claimed_name: str


class QueueView(ScopedPage):
    """What the queue page and its posts have in common."""

    scope = "actions:read"
    template_name = "orchestration/queue.html"

    def get_rail(self, now: datetime) -> list[RailItem]:
        """Return every pending action in queue order."""
        pending, threshold = reads.list_queue(), get_hot_threshold()
        names = name_users({a.claimed_by for a in pending if _is_claimed(a, now)} - {self.user.pk})
        return [
            RailItem(
                action=action,
                band="hot" if action.intent >= threshold else "warm",
                claimed_name=names.get(action.claimed_by or 0, "") if _is_claimed(action, now) else "",
            )
            for action in pending
        ]

    def get_queue_context(
        self, *, action_id: UUID | None, problem: Problem | None = None, editing: bool = False
    ) -> dict[str, Any]:
        """Return everything that the page shows."""
        now = datetime.now(UTC)
        context = self.get_rail_context(now=now, selected_id=action_id)
        rail: list[RailItem] = context["rail"]
        selected = action_id or (rail[0].action.id if rail else None)
        context |= {"selected_id": selected, "problem": problem, "threshold": get_hot_threshold()}
        context["holds"] = selectors.list_holds(user_id=self.user.pk, now=now)
        if selected is None:
            return super().get_context_data(**context)
        detail = selectors.get_action_detail(action_id=selected, viewer=self.user.pk, now=now)
        context |= self._describe(detail, now=now, editing=editing)
        context["next_id"] = _find_next([item.action.id for item in rail], selected)
        return super().get_context_data(**context)

    def get_rail_context(self, *, now: datetime, selected_id: UUID | None) -> dict[str, Any]:
        """Return the rail, its tabs, and a mark that changes whenever the rail does."""
        view_name = self.request.GET.get("view", "")
        everything = self.get_rail(now)
        parts = {
            "": everything,
            "expiring": [item for item in everything if _is_expiring(item.action, now)],
            "warned": [item for item in everything if item.action.warnings],
        }
        rail = parts.get(view_name, everything)
        tabs = [
            {"name": name, "label": label, "count": len(parts[name]), "current": name == view_name}
            for name, label in (("", "All"), ("expiring", "Expiring"), ("warned", "Warned"))
        ]
        return {
            "rail": rail,
            "tabs": tabs,
            "view_name": view_name if view_name in parts else "",
            "selected_id": selected_id,
            "rail_mark": _mark(rail, now),
        }

    def _describe(self, detail: ActionDetail, *, now: datetime, editing: bool) -> dict[str, Any]:
        claimed_name = ""
        if detail.claimed_by not in (None, self.user.pk) and _is_claimed(detail, now):
            claimed_name = name_users([detail.claimed_by]).get(detail.claimed_by or 0, "Somebody")
        can_approve = "actions:approve" in self.scopes
        blocked = wording.say_why_not_approvable(
            detail, can_approve=can_approve, claimed_by_other=claimed_name, now=now
        )
        can_review = "actions:review" in self.scopes
        holding = detail.execute_after is not None and now < detail.execute_after
        return {
            "detail": detail,
            "editing": editing,
            "claimed_name": claimed_name,
            # Who may not approve a text must not keep it from those who may.
            "claim_here": can_review and not claimed_name and not detail.own_edit,
            "can_review": can_review,
            "can_undo": can_approve and holding,
            "approve_blocked": blocked,
            "refresh_in": _count_seconds_to_news(detail, now),
            "basis": wording.say_basis(detail.basis),
            "names": name_actors(entry.actor for entry in detail.timeline),
            "stale": wording.describe_stale(detail),
            "state_note": wording.describe_state(detail),
            "reject_reasons": wording.list_reject_reasons(),
            "edited": _editable(detail),
        }


class Queue(QueueView):
    """The queue with one action open: the named one, else the first."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the page's data; what many of its parts need is read once."""
        with reading():
            return self.get_queue_context(action_id=kwargs.get("action_id"))


class Rail(QueueView):
    """The rail alone, asked for every few seconds; answers 204 while nothing changed."""

    template_name = "orchestration/_rail.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the rail if it differs from the one that the reader sees."""
        now = datetime.now(UTC)
        context = self.get_rail_context(now=now, selected_id=_parse_id(request.GET.get("selected", "")))
        if context["rail_mark"] == request.GET.get("seen"):
            return HttpResponse(status=204)
        return self.render_to_response(super().get_context_data(**context))


def _is_claimed(action: ActionRow | ActionDetail, now: datetime) -> bool:
    until = action.claim_expires_at
    return action.claimed_by is not None and until is not None and now < until


def _is_expiring(action: ActionRow, now: datetime) -> bool:
    whole: timedelta = action.expires_at - action.created_at
    return now >= action.created_at + EXPIRING_SHARE * whole


def _mark(rail: list[RailItem], now: datetime) -> str:
    minute = now.replace(second=0, microsecond=0).isoformat()
    rows = [f"{item.action.id}{item.action.version}{item.claimed_name}" for item in rail]
    return sha256("\n".join([minute, *rows]).encode()).hexdigest()[:16]


def _count_seconds_to_news(detail: ActionDetail, now: datetime) -> int | None:
    """Return when to look again at an action that is on its way; None where it waits for people."""
    if State(detail.state) not in {State.APPROVED, State.EXECUTING}:
        return None
    held = (detail.execute_after - now).total_seconds() if detail.execute_after else 0.0
    return math.ceil(held) + 3 if held > 0 else PATIENCE


def _find_next(ids: list[UUID], selected: UUID) -> UUID | None:
    after = ids[ids.index(selected) + 1 :] if selected in ids else ids
    return after[0] if after else None


def _editable(detail: ActionDetail) -> dict[str, Any]:
    paragraphs = [" ".join(span.text for span in paragraph) for paragraph in detail.draft.paragraphs]
    return {"subject": detail.draft.subject, "body": "\n\n".join(paragraphs)}


def _parse_id(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
