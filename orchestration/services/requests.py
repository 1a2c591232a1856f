"""What events ask of orchestration, noted in the database only: drafts to make, actions to withdraw."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import audit, consent
from compliance.audit import AuditEntry
from orchestration.models import Action, DraftRequest
from orchestration.policy import Move, State
from orchestration.services.moves import apply_move, cancel_open
from revctx.eventbus.workitems import WorkItemData

GROUP = "orchestration-engine"
ACTOR = "system:orchestration"


def note_events(items: list[WorkItemData], *, now: datetime) -> None:
    """Take in a chunk of events inside the caller's transaction; repeats change nothing."""
    updates = [item for item in items if item.event_type == "context.updated"]
    request_drafts([item for item in updates if item.data.get("direction") == "up"], now=now)
    for item in sorted(updates, key=lambda item: item.id):
        if item.data.get("direction") == "down":
            supersede_pending(
                account_id=UUID(item.data["account_id"]),
                before_version=int(item.data["version"]),
                reason_code="lower_intent",
                now=now,
            )
    for item in items:
        if _withdraws_outreach(item):
            cancel_for_subject(
                subject_id=UUID(item.data["subject_id"]), reason_code="consent_revoked", now=now
            )


def _withdraws_outreach(item: WorkItemData) -> bool:
    data = item.data
    return (
        item.event_type == "consent.changed"
        and data.get("status") != "granted"
        and data.get("purpose") == consent.DEFAULT_PURPOSE
        and data.get("channel") == consent.DEFAULT_CHANNEL
    )


def request_drafts(items: Iterable[WorkItemData], *, now: datetime) -> None:
    """Note one draft request for each upward crossing."""
    rows = [
        DraftRequest(
            crossing_id=UUID(item.data["crossing_id"]),
            account_id=UUID(item.data["account_id"]),
            context_version=int(item.data["version"]),
            due_at=now,
            request_id=item.request_id,
            created_at=now,
        )
        for item in items
        if item.data.get("crossing_id")
    ]
    DraftRequest.objects.bulk_create(sorted(rows, key=lambda row: row.crossing_id), ignore_conflicts=True)


def supersede_pending(
    *,
    account_id: UUID,
    before_version: int,
    reason_code: str,
    now: datetime,
) -> int:
    """Supersede what is pending for an account from an older context version; return how many."""
    DraftRequest.objects.filter(
        account_id=account_id, state="open", context_version__lt=before_version
    ).update(state="superseded", reason_code=reason_code, finished_at=now)
    pending = Action.objects.filter(
        account_id=account_id, state=State.PENDING.value, context_version__lt=before_version
    )
    actions = list(pending.order_by("id").select_for_update())
    for action in actions:
        apply_move(action, Move.SUPERSEDE, actor=ACTOR, now=now, reason_code=reason_code)
    return len(actions)


def reopen_dead(*, request_ids: Collection[int], actor: str, now: datetime) -> int:
    """Open dead requests again, with all their attempts; return how many."""
    dead = DraftRequest.objects.filter(pk__in=request_ids, state="dead").order_by("pk")
    with transaction.atomic():
        found = list(dead.select_for_update())
        dead.update(state="open", reason_code="", attempts=0, due_at=now, finished_at=None)
        audit.record(
            [
                AuditEntry(
                    name="draft.reopened",
                    actor=actor,
                    target_type="crossing",
                    target_id=str(request.crossing_id),
                    account_id=request.account_id,
                    at=now,
                )
                for request in found
            ]
        )
    return len(found)


def cancel_for_subject(*, subject_id: UUID, reason_code: str, now: datetime) -> int:
    """Cancel every action to a person that has not begun to execute; return how many."""
    open_states = [State.PENDING.value, State.APPROVED.value]
    actions = Action.objects.filter(subject_id=subject_id, state__in=open_states)
    return cancel_open(
        actions=list(actions.order_by("id").select_for_update()),
        reason_code=reason_code,
        actor=ACTOR,
        now=now,
    )
