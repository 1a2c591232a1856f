"""What stands before every decision: the row locked, still pending, in time, and nobody else's."""

from datetime import datetime
from uuid import UUID

from orchestration.contracts import MoveResult
from orchestration.models import Action
from orchestration.policy import State, is_expired
from orchestration.services.moves import describe_current, lock_action
from revctx.api.errors import Conflict, Gone


def describe_move(action: Action) -> MoveResult:
    """Return where an action stands."""
    return MoveResult(
        action_id=action.id,
        state=action.state,
        version=action.version,
        revision=action.revision,
        content_hash=action.content_hash,
        execute_after=action.execute_after,
        claimed_by=action.claimed_by,
        claim_expires_at=action.claim_expires_at,
    )


def lock_pending(action_id: UUID, *, version: int, user_id: int, now: datetime) -> Action:
    """Lock a pending action that is as the caller saw it.

    Raises:
        NotFound, Gone (expired), Conflict (not pending, stale, claimed by somebody else).
    """
    action = lock_action(action_id)
    if action.state == State.EXPIRED.value or (
        action.state == State.PENDING.value and is_expired(now=now, expires_at=action.expires_at)
    ):
        raise Gone("expired", "The time to decide is over; nothing was sent.", extra=describe_current(action))
    if action.state != State.PENDING.value:
        raise Conflict("not_pending", f"This action is {action.state}.", extra=describe_current(action))
    if action.version != version:
        raise Conflict("stale", "This action has changed since you looked.", extra=describe_current(action))
    refuse_foreign_claim(action, user_id=user_id, now=now)
    return action


def refuse_foreign_claim(action: Action, *, user_id: int, now: datetime) -> None:
    """Refuse while somebody else's claim runs.

    Raises:
        Conflict.
    """
    if action.claimed_by in (None, user_id) or action.claim_expires_at is None:
        return
    if action.claim_expires_at > now:
        raise Conflict("claimed", "Somebody else is reviewing this.", extra=describe_current(action))
