"""Somebody asks for a draft: a request like that of a crossing, if a crossing licenses it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from compliance import audit
from compliance.audit import AuditEntry, PayloadValue
from contexts import selectors as contexts_selectors
from contexts.selectors import CrossingView
from orchestration.models import Action, DraftRequest
from orchestration.policy import FINAL_STATES, State
from revctx.api.errors import Conflict, Unprocessable
from revctx.observability.context import get_request_id

ASK_AGAIN_AFTER = timedelta(hours=1)  # an agent that abstained is not asked, and paid, over and over


@dataclass(frozen=True, kw_only=True)
class AskedDraft:
    """What came of asking: `queued`, or `exists` with the action that the crossing has already."""

    status: str
    account_id: UUID
    crossing_id: UUID
    action_id: UUID | None = None
    action_state: str = ""


@transaction.atomic
def ask_for_draft(
    *, account_id: UUID, actor: str, now: datetime, payload: dict[str, PayloadValue] | None = None
) -> AskedDraft:
    """Have the agent draft for an account that is hot; what it drafts waits for a human like any other.

    One crossing has one action: an open one is returned, and asking after it was decided is refused.

    Raises:
        AccountNotFound: there is no such account.
        Unprocessable: the account is not hot, so no crossing licenses a draft.
        Conflict: the action of the crossing is decided, or the agent abstained less than an hour ago.
    """
    crossing = _get_license(account_id, now=now)
    request = _lock_request(crossing, now=now)
    action = Action.objects.filter(crossing_id=crossing.id).first()
    if action is None:
        _open(request, now=now)
    elif State(action.state) in FINAL_STATES:
        raise Conflict(
            "decided", f"The action of this crossing is {action.state}; a new one takes a new crossing."
        )
    asked = AskedDraft(
        status="exists" if action else "queued",
        account_id=crossing.account_id,
        crossing_id=crossing.id,
        action_id=action.id if action else None,
        action_state=action.state if action else "",
    )
    _record(asked, actor=actor, now=now, payload=payload or {})
    return asked


def _get_license(account_id: UUID, *, now: datetime) -> CrossingView:
    """Return the upward crossing that the account still lives on."""
    score = contexts_selectors.get_score(account_id=account_id, as_of=now)
    crossing = contexts_selectors.find_last_crossing(account_id)
    if score.band != "hot" or crossing is None or crossing.direction != "up":
        raise Unprocessable("not_hot", "The account is not hot: no crossing licenses a draft.")
    return crossing


def _lock_request(crossing: CrossingView, *, now: datetime) -> DraftRequest:
    """Lock the crossing's request; one that the event has not yet brought is made."""
    made = DraftRequest(
        crossing_id=crossing.id,
        account_id=crossing.account_id,
        context_version=crossing.version,
        due_at=now,
        request_id=get_request_id(),
        created_at=now,
    )
    DraftRequest.objects.bulk_create([made], ignore_conflicts=True)
    return DraftRequest.objects.select_for_update().get(crossing_id=crossing.id)


def _open(request: DraftRequest, *, now: datetime) -> None:
    """Have a request drafted that is not under way."""
    if request.state == "open":
        return
    if request.finished_at is not None and now < request.finished_at + ASK_AGAIN_AFTER:
        raise Conflict("asked_recently", f"The last draft ended as {request.state}; ask again in an hour.")
    request.state, request.reason_code, request.attempts = "open", "", 0
    request.due_at, request.finished_at = now, None
    request.save(update_fields=["state", "reason_code", "attempts", "due_at", "finished_at"])


def _record(asked: AskedDraft, *, actor: str, now: datetime, payload: dict[str, PayloadValue]) -> None:
    audit.record(
        [
            AuditEntry(
                name="draft.requested",
                actor=actor,
                target_type="crossing",
                target_id=str(asked.crossing_id),
                account_id=asked.account_id,
                at=now,
                payload={**payload, "status": asked.status},
            )
        ]
    )
