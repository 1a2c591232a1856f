"""What a person does to an action: approve exactly one text, reject, edit, claim, release, undo."""

import hmac
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from compliance import consent as consents
from compliance import subjects
from compliance.contracts import ConsentDecision
from orchestration.contracts import MoveResult
from orchestration.limits import count_sent_today
from orchestration.models import Action, Approval
from orchestration.policy import (
    REJECT_REASONS,
    Kind,
    Move,
    State,
    can_undo,
)
from orchestration.services.content import get_current_revision
from orchestration.services.editing import edit
from orchestration.services.gates import describe_move, lock_pending, refuse_foreign_claim
from orchestration.services.moves import apply_move, describe_current, lock_action, record_note
from revctx.api.errors import Conflict, Forbidden, Gone, PreconditionRequired, Unprocessable

__all__ = ["approve", "claim", "edit", "reject", "release", "undo"]

MAX_NOTE = 2_000


@transaction.atomic
def approve(
    *,
    action_id: UUID,
    version: int | None,
    content_hash: str | None,
    actor_user_id: int,
    now: datetime,
    note: str = "",
) -> MoveResult:
    """Approve exactly the text of `content_hash`; it is carried out when the hold is over.

    Raises:
        NotFound, PreconditionRequired (no version or hash), Conflict (stale, claimed, not pending),
        Gone (expired), Forbidden (own edit), Unprocessable (consent or policy).
    """
    if not content_hash or version is None:
        raise PreconditionRequired("hash_required", "Send the version and content_hash that you saw.")
    action = lock_pending(action_id, version=version, user_id=actor_user_id, now=now)
    if not hmac.compare_digest(content_hash.encode(), action.content_hash.encode()):
        raise Conflict("stale", "The text has changed since you looked.", extra=describe_current(action))
    if get_current_revision(action).author_id == actor_user_id:
        raise Forbidden("own_edit", "You edited this text; somebody else has to approve it.")
    decision = _check_policy(action, now=now)
    _record_decision(action, "approved", user_id=actor_user_id, note=note, now=now, consent=decision)
    hold = timedelta(seconds=settings.APPROVAL_HOLD_SECONDS)
    apply_move(
        action,
        Move.APPROVE,
        actor=f"user:{actor_user_id}",
        now=now,
        changes={"execute_after": now + hold},
        payload={"consent_revision_id": str(decision.revision_id)} if decision else None,
    )
    return describe_move(action)


@transaction.atomic
def reject(
    *,
    action_id: UUID,
    version: int | None,
    reason_code: str,
    actor_user_id: int,
    now: datetime,
    note: str = "",
) -> MoveResult:
    """Reject for a catalogued reason (`policy.REJECT_REASONS`).

    Raises:
        NotFound, PreconditionRequired, Unprocessable (unknown reason), Conflict, Gone.
    """
    if reason_code not in REJECT_REASONS:
        known = ", ".join(REJECT_REASONS)
        raise Unprocessable("unknown_reason", "Unknown reason.", fields={"reason_code": f"One of {known}."})
    if version is None:
        raise PreconditionRequired("version_required", "Send the version that you saw.")
    action = lock_pending(action_id, version=version, user_id=actor_user_id, now=now)
    _record_decision(action, "rejected", user_id=actor_user_id, note=note, now=now, reason_code=reason_code)
    apply_move(action, Move.REJECT, actor=f"user:{actor_user_id}", now=now, reason_code=reason_code)
    return describe_move(action)


@transaction.atomic
def claim(*, action_id: UUID, actor_user_id: int, now: datetime) -> MoveResult:
    """Reserve a pending action for a while; claiming again extends it.

    Raises:
        NotFound, Conflict (not pending, or claimed by somebody else).
    """
    action = lock_action(action_id)
    if action.state != State.PENDING.value:
        raise Conflict("not_pending", f"This action is {action.state}.", extra=describe_current(action))
    refuse_foreign_claim(action, user_id=actor_user_id, now=now)
    is_new = action.claimed_by != actor_user_id
    action.claimed_by = actor_user_id
    action.claim_expires_at = now + timedelta(seconds=settings.APPROVAL_CLAIM_SECONDS)
    action.save(update_fields=["claimed_by", "claim_expires_at"])
    if is_new:
        record_note(action, "action.claimed", actor=f"user:{actor_user_id}", now=now)
    return describe_move(action)


@transaction.atomic
def release(*, action_id: UUID, actor_user_id: int, now: datetime) -> MoveResult:
    """Give up one's claim; without one nothing happens.

    Raises:
        NotFound.
    """
    action = lock_action(action_id)
    if action.claimed_by == actor_user_id:
        action.claimed_by = action.claim_expires_at = None
        action.save(update_fields=["claimed_by", "claim_expires_at"])
        record_note(action, "action.released", actor=f"user:{actor_user_id}", now=now)
    return describe_move(action)


@transaction.atomic
def undo(*, action_id: UUID, actor_user_id: int, now: datetime) -> MoveResult:
    """Take an approval back while the hold runs.

    Raises:
        NotFound, Conflict (not approved), Gone (the hold is over).
    """
    action = lock_action(action_id)
    if action.state != State.APPROVED.value:
        raise Conflict("not_approved", f"This action is {action.state}.", extra=describe_current(action))
    if not can_undo(now=now, execute_after=action.execute_after):
        raise Gone("too_late", "The hold is over; this is being carried out.", extra=describe_current(action))
    _record_decision(action, "undone", user_id=actor_user_id, note="", now=now)
    apply_move(action, Move.UNDO, actor=f"user:{actor_user_id}", now=now, changes={"execute_after": None})
    return describe_move(action)


def _check_policy(action: Action, *, now: datetime) -> ConsentDecision | None:
    """Return the consent that an e-mail rests on; a task sends nothing and needs none."""
    if action.kind != Kind.EMAIL.value or action.subject_id is None:
        return None
    decision = consents.decide(subject_id=action.subject_id, now=now)
    if not decision.allowed:
        raise Unprocessable(
            "consent", "The person has not agreed to be written to.", extra={"reason": decision.reason}
        )
    sent, limit = count_sent_today(action.account_id, now=now), settings.EMAIL_DAILY_LIMIT_PER_ACCOUNT
    if sent >= limit:
        raise Unprocessable("daily_limit", f"This account got {sent} of {limit} e-mails today.")
    return decision


def _record_decision(
    action: Action,
    decision: str,
    *,
    user_id: int,
    note: str,
    now: datetime,
    reason_code: str = "",
    consent: ConsentDecision | None = None,
) -> None:
    sealed = None
    if note.strip():
        row = (action.subject_id, note.strip()[:MAX_NOTE].encode(), f"approval/{action.id}".encode())
        [sealed] = subjects.seal(items=[row], now=now)
    Approval.objects.create(
        action=action,
        revision=action.revision,
        content_hash=action.content_hash,
        decision=decision,
        user_id=user_id,
        reason_code=reason_code,
        sealed_note=sealed,
        consent_revision_id=consent.revision_id if consent else None,
        at=now,
    )
