"""What a person does to an action: approve exactly one text, reject, edit, claim, release, undo."""

import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from compliance import consent, subjects
from compliance.contracts import ConsentDecision
from contexts.contracts import ContextPack
from orchestration.agents.choice import choose_config
from orchestration.agents.verifier import check_edited
from orchestration.confidence import judge_text
from orchestration.contracts import MoveResult
from orchestration.limits import count_sent_today
from orchestration.models import Action, ActionRevision, Approval
from orchestration.policy import (
    REJECT_REASONS,
    Kind,
    Move,
    State,
    can_undo,
    is_expired,
)
from orchestration.rendering import SALT_BYTES, Letter, annotate, editable_body, rewrite
from orchestration.services.content import get_current_revision, open_letters
from orchestration.services.moves import apply_move, describe_current, lock_action, record_note
from orchestration.services.proposal import store_revision
from revctx.api.errors import Conflict, Forbidden, Gone, PreconditionRequired, Unprocessable

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
    action = _lock_pending(action_id, version=version, user_id=actor_user_id, now=now)
    if not hmac.compare_digest(content_hash.encode(), action.content_hash.encode()):
        raise Conflict("stale", "The text has changed since you looked.", extra=describe_current(action))
    revision = get_current_revision(action)
    if revision.author_id == actor_user_id:
        raise Forbidden("own_edit", "You edited this text; somebody else has to approve it.")
    decision = _check_policy(action, now=now)
    _record_decision(action, "approved", user_id=actor_user_id, note=note, now=now, consent_revision=decision)
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
    action = _lock_pending(action_id, version=version, user_id=actor_user_id, now=now)
    _record_decision(action, "rejected", user_id=actor_user_id, note=note, now=now, reason_code=reason_code)
    apply_move(action, Move.REJECT, actor=f"user:{actor_user_id}", now=now, reason_code=reason_code)
    return describe_move(action)


@transaction.atomic
def edit(
    *,
    action_id: UUID,
    version: int | None,
    actor_user_id: int,
    now: datetime,
    subject: str | None = None,
    body: str | None = None,
) -> MoveResult:
    """Replace the text by a person's: a new revision, verified again, to be approved by another.

    `body` is plain text, paragraphs between blank lines, without greeting, signature and footer.

    Raises:
        NotFound, PreconditionRequired, Conflict, Gone, Unprocessable (text that may not be sent).
    """
    if version is None:
        raise PreconditionRequired("version_required", "Send the version that you edited.")
    action = _lock_pending(action_id, version=version, user_id=actor_user_id, now=now)
    before = get_current_revision(action)
    letter = _open(before, actor=f"user:{actor_user_id}", purpose="edit", now=now)
    edited = _rewrite(letter, action, subject=subject, body=body)
    p_draft = _judge(action, edited, now=now)
    changes = {
        "revision": action.revision + 1,
        "content_hash": edited.content_hash(),
        "p_draft": p_draft,
        "warnings": sum(not check.ok for check in edited.checks),
    }
    apply_move(action, Move.EDIT, actor=f"user:{actor_user_id}", now=now, changes=changes)
    store_revision(
        action=action,
        letter=edited,
        author_id=actor_user_id,
        agent_line=before.agent_line,
        p_draft=p_draft,
        now=now,
    )
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
    _refuse_foreign_claim(action, user_id=actor_user_id, now=now)
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


def _lock_pending(action_id: UUID, *, version: int, user_id: int, now: datetime) -> Action:
    action = lock_action(action_id)
    if action.state == State.EXPIRED.value or (
        action.state == State.PENDING.value and is_expired(now=now, expires_at=action.expires_at)
    ):
        raise Gone("expired", "The time to decide is over; nothing was sent.", extra=describe_current(action))
    if action.state != State.PENDING.value:
        raise Conflict("not_pending", f"This action is {action.state}.", extra=describe_current(action))
    if action.version != version:
        raise Conflict("stale", "This action has changed since you looked.", extra=describe_current(action))
    _refuse_foreign_claim(action, user_id=user_id, now=now)
    return action


def _refuse_foreign_claim(action: Action, *, user_id: int, now: datetime) -> None:
    if action.claimed_by in (None, user_id) or action.claim_expires_at is None:
        return
    if action.claim_expires_at > now:
        raise Conflict("claimed", "Somebody else is reviewing this.", extra=describe_current(action))


def _check_policy(action: Action, *, now: datetime) -> ConsentDecision | None:
    """Return the consent that an e-mail rests on; a task sends nothing and needs none."""
    if action.kind != Kind.EMAIL.value or action.subject_id is None:
        return None
    decision = consent.decide(subject_id=action.subject_id, now=now)
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
    consent_revision: ConsentDecision | None = None,
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
        consent_revision_id=consent_revision.revision_id if consent_revision else None,
        at=now,
    )


def _open(revision: ActionRevision, *, actor: str, purpose: str, now: datetime) -> Letter:
    [letter] = open_letters(revisions=[revision], actor=actor, purpose=purpose, now=now)
    if letter is None:
        raise Conflict("erased", "The person was erased and the text with them.")
    return letter


def _rewrite(letter: Letter, action: Action, *, subject: str | None, body: str | None) -> Letter:
    edited = rewrite(
        letter,
        subject=letter.subject if subject is None else subject,
        body=editable_body(letter) if body is None else body,
        salt=secrets.token_bytes(SALT_BYTES),
    )
    checks = check_edited(edited, ContextPack.from_dict(action.pack), choose_config(Kind(action.kind)))
    blocking = [check.text for check in checks if check.blocking and not check.ok]
    if blocking:
        raise Unprocessable("text_refused", blocking[0], fields={"body": " ".join(blocking)})
    return annotate(edited, reasoning=letter.reasoning, checks=tuple(checks))


def _judge(action: Action, letter: Letter, *, now: datetime) -> float:
    spans = [span for paragraph in letter.paragraphs for span in paragraph]
    return judge_text(
        ContextPack.from_dict(action.pack),
        cited={ref for span in spans for ref in span.refs},
        citation_recall=sum(bool(span.refs) for span in spans) / max(len(spans), 1),
        words=letter.words(),
        config=choose_config(Kind(action.kind)),
        warnings=sum(not check.ok for check in letter.checks),
        now=now,
    )
