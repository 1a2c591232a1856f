"""The one place where an action changes its state: row, history, audit and event in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from compliance import audit, subjects
from compliance.audit import AuditEntry
from orchestration.models import Action, ActionMove
from orchestration.policy import MOVES, IllegalMove, Move, State, next_state
from revctx.api.errors import Conflict, NotFound
from revctx.eventbus import outbox
from revctx.eventbus.envelope import Event
from revctx.observability.context import get_request_id
from revctx.observability.metrics import ACTIONS_TOTAL


def describe_current(action: Action) -> dict[str, Any]:
    """Return what a caller needs to look at the current version."""
    return {
        "current": {
            "id": str(action.id),
            "state": action.state,
            "version": action.version,
            "revision": action.revision,
            "content_hash": action.content_hash,
            "claimed_by": action.claimed_by,
        }
    }


def lock_action(action_id: UUID) -> Action:
    """Lock an action, its reader first: consent and erasure lock in the same order.

    Raises:
        NotFound: there is no such action.
        Conflict: its reader was erased.
    """
    subject_id = Action.objects.filter(pk=action_id).values_list("subject_id", flat=True).first()
    alive = subject_id is None or subjects.lock_subject(subject_id)
    action = Action.objects.select_for_update().filter(pk=action_id).first()
    if action is None:
        raise NotFound("not_found", "There is no such action.")
    if not alive:
        raise Conflict(
            "erased", "The person was erased; nothing can be sent.", extra=describe_current(action)
        )
    return action


def apply_move(
    action: Action,
    move: Move,
    *,
    actor: str,
    now: datetime,
    reason_code: str = "",
    changes: Mapping[str, Any] | None = None,
    payload: Mapping[str, audit.PayloadValue] | None = None,
) -> None:
    """Make one legal move of a stored action.

    Raises:
        Conflict: the move is not legal from its state, or somebody else was quicker.
    """
    before, seen = action.state, action.version
    values = {
        "state": _target(action, move).value,
        "version": seen + 1,
        "reason_code": reason_code,
        "updated_at": now,
        "claimed_by": None,
        "claim_expires_at": None,
        **(changes or {}),
    }
    if not Action.objects.filter(pk=action.pk, version=seen, state=before).update(**values):
        raise Conflict("stale", "This action has changed since you looked.", extra=describe_current(action))
    for name, value in values.items():
        setattr(action, name, value)
    record_move(action, move, before=before, actor=actor, now=now, payload=payload)


def _target(action: Action, move: Move) -> State:
    try:
        return next_state(State(action.state), move)
    except IllegalMove as error:
        message = f"This action is {action.state}; that can't be done any more."
        raise Conflict("illegal_move", message, extra=describe_current(action)) from error


def record_move(
    action: Action,
    move: Move,
    *,
    before: str,
    actor: str,
    now: datetime,
    payload: Mapping[str, audit.PayloadValue] | None = None,
) -> None:
    """Write history, audit row and event of a move that the row already shows."""
    rule = MOVES[move]
    ActionMove.objects.create(
        action=action,
        name=rule.audit_name,
        from_state=before,
        to_state=action.state,
        version=action.version,
        actor=actor,
        reason_code=action.reason_code,
        at=now,
    )
    facts = _facts(action, before)
    _audit(action, rule.audit_name, actor=actor, now=now, payload=facts | dict(payload or {}))
    data = {"action_id": str(action.id), "account_id": str(action.account_id), **facts}
    key, request_id = str(action.account_id), _request_id(action, actor)
    outbox.enqueue([Event(type=rule.topic, key=key, data=data, occurred_at=now, request_id=request_id)])
    transaction.on_commit(ACTIONS_TOTAL.labels(kind=action.kind, state=action.state).inc)


def _facts(action: Action, before: str) -> dict[str, audit.PayloadValue]:
    return {
        "kind": action.kind,
        "state": action.state,
        "from_state": before,
        "version": action.version,
        "revision": action.revision,
        "reason_code": action.reason_code,
        "content_hash": action.content_hash,
    }


def _request_id(action: Action, actor: str) -> str:
    """A process goes on with the request that led to the action; a person makes a request of their own."""
    return action.request_id if actor.startswith("system:") and action.request_id else get_request_id()


def _audit(
    action: Action, name: str, *, actor: str, now: datetime, payload: dict[str, audit.PayloadValue]
) -> None:
    entry = AuditEntry(
        name=name,
        actor=actor,
        target_type="action",
        target_id=str(action.id),
        account_id=action.account_id,
        at=now,
        payload=payload,
        request_id=_request_id(action, actor),
    )
    audit.record([entry])


def record_note(action: Action, name: str, *, actor: str, now: datetime) -> None:
    """Audit something that happened to an action without changing its state."""
    _audit(action, name, actor=actor, now=now, payload={"version": action.version})


def cancel_open(*, actions: list[Action], reason_code: str, actor: str, now: datetime) -> int:
    """Cancel locked actions that have not begun to execute; return how many."""
    for action in actions:
        apply_move(action, Move.CANCEL, actor=actor, now=now, reason_code=reason_code)
    return len(actions)
