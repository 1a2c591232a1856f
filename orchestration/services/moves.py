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
    try:
        target = next_state(State(action.state), move)
    except IllegalMove as error:
        message = f"This action is {action.state}; that can't be done any more."
        raise Conflict("illegal_move", message, extra=describe_current(action)) from error
    before, seen = action.state, action.version
    values = {
        "state": target.value,
        "version": seen + 1,
        "reason_code": reason_code,
        "updated_at": now,
        **({"claimed_by": None, "claim_expires_at": None} if move is not Move.EDIT else {}),
        **(changes or {}),
    }
    if not Action.objects.filter(pk=action.pk, version=seen, state=before).update(**values):
        raise Conflict("stale", "This action has changed since you looked.", extra=describe_current(action))
    for name, value in values.items():
        setattr(action, name, value)
    record_move(action, move, before=before, actor=actor, now=now, payload=payload)


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
    facts = {
        "kind": action.kind,
        "state": action.state,
        "from_state": before,
        "version": action.version,
        "revision": action.revision,
        "reason_code": action.reason_code,
    }
    request_id = action.request_id if actor.startswith("system:") else None
    tracing = {"request_id": request_id} if request_id else {}
    audit.record(
        [
            AuditEntry(
                name=rule.audit_name,
                actor=actor,
                target_type="action",
                target_id=str(action.id),
                account_id=action.account_id,
                at=now,
                payload={**facts, "content_hash": action.content_hash, **(payload or {})},
                **tracing,
            )
        ]
    )
    data = {"action_id": str(action.id), "account_id": str(action.account_id), **facts}
    outbox.enqueue(
        [Event(type=rule.topic, key=str(action.account_id), data=data, occurred_at=now, **tracing)]
    )
    transaction.on_commit(ACTIONS_TOTAL.labels(kind=action.kind, state=action.state).inc)


def record_note(action: Action, name: str, *, actor: str, now: datetime) -> None:
    """Audit something that happened to an action without changing its state."""
    audit.record(
        [
            AuditEntry(
                name=name,
                actor=actor,
                target_type="action",
                target_id=str(action.id),
                account_id=action.account_id,
                at=now,
                payload={"version": action.version},
            )
        ]
    )


def cancel_open(*, actions: list[Action], reason_code: str, actor: str, now: datetime) -> int:
    """Cancel locked actions that have not begun to execute; return how many."""
    for action in actions:
        apply_move(action, Move.CANCEL, actor=actor, now=now, reason_code=reason_code)
    return len(actions)
