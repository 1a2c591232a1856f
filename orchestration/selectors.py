"""Reads of actions: the pending queue, one action in full, and what is due."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from contexts import selectors as contexts_selectors
from orchestration.contracts import ActionDetail, ActionSummary, HeldAction
from orchestration.models import Action, ActionRevision, Approval, DraftRequest
from orchestration.policy import State
from orchestration.presentation import describe_action, summarise
from orchestration.services.content import open_letters
from revctx.api.errors import NotFound

PAGE = 50


def query_pending() -> QuerySet[Action]:
    """Return pending actions, the hottest first; uses the partial index of the queue."""
    return Action.objects.filter(state=State.PENDING.value).order_by("-intent", "id")


def list_pending(*, actor: str, now: datetime, limit: int = PAGE) -> list[ActionSummary]:
    """Return the pending queue with context, preview and reasoning.

    `actor` is who looks, as `user:<pk>`; opening the texts is audited. At most `limit`, the hottest first.
    """
    return summarise_actions(list(query_pending()[:limit]), actor=actor, now=now)


def count_pending() -> int:
    """Count what waits for a decision."""
    return Action.objects.filter(state=State.PENDING.value).count()


def count_pending_of(account_ids: Collection[UUID], subject_ids: Collection[UUID]) -> int:
    """Count what waits for a decision for any of these accounts or persons."""
    concerned = Q(account_id__in=list(account_ids)) | Q(subject_id__in=list(subject_ids))
    return Action.objects.filter(concerned, state=State.PENDING.value).count()


def summarise_actions(actions: Sequence[Action], *, actor: str, now: datetime) -> list[ActionSummary]:
    """Describe actions for a list, opening all their texts in one audited call."""
    wanted = Q(pk__in=[])
    for action in actions:
        wanted |= Q(action_id=action.id, number=action.revision)
    revisions = list(ActionRevision.objects.select_related("action").filter(wanted))
    letters = open_letters(revisions=revisions, actor=actor, purpose="review", now=now)
    by_action = {
        revision.action_id: (revision, letter) for revision, letter in zip(revisions, letters, strict=True)
    }
    packs = contexts_selectors.open_packs([action.pack for action in actions])
    return [
        summarise(
            action,
            revision=by_action[action.id][0],
            letter=by_action[action.id][1],
            pack=opened.pack,
        )
        for action, opened in zip(actions, packs, strict=True)
    ]


def get_action(*, action_id: UUID) -> Action:
    """Return one action.

    Raises:
        NotFound: there is none.
    """
    action = Action.objects.filter(pk=action_id).first()
    if action is None:
        raise NotFound("not_found", "There is no such action.")
    return action


def get_action_detail(*, action_id: UUID, viewer: int, now: datetime) -> ActionDetail:
    """Return everything a reviewer decides by, as of `now`.

    `viewer` is the user who looks; opening text and contact is audited.

    Raises:
        NotFound: there is no such action.
    """
    return describe_action(get_action(action_id=action_id), viewer=viewer, now=now)


def find_next(*, user_id: int, now: datetime) -> Action | None:
    """Return the hottest pending action that nobody else has claimed and that `user_id` did not edit."""
    free = Q(claimed_by__isnull=True) | Q(claimed_by=user_id) | Q(claim_expires_at__lte=now)
    edited = ActionRevision.objects.filter(author_id=user_id).values("action_id")
    return query_pending().filter(free, expires_at__gt=now).exclude(pk__in=edited).first()


def list_holds(*, user_id: int, now: datetime) -> list[HeldAction]:
    """Return what this person approved and can still undo, the next to go first."""
    held = Action.objects.filter(state=State.APPROVED.value, execute_after__gt=now)
    newest = Approval.objects.filter(action=OuterRef("pk")).order_by("-id")
    own = held.annotate(approver=Subquery(newest.values("user_id")[:1])).filter(approver=user_id)
    return [
        HeldAction(
            id=action.id,
            kind=action.kind,
            account_id=action.account_id,
            account_name=str(action.pack["account"].get("name") or action.account_id),
            version=action.version,
            execute_after=action.execute_after or now,
        )
        for action in own.order_by("execute_after", "id")
    ]


def list_claimed(*, user_id: int, now: datetime) -> list[UUID]:
    """Return the pending actions that this person is reviewing."""
    claimed = query_pending().filter(claimed_by=user_id, claim_expires_at__gt=now)
    return list(claimed.values_list("id", flat=True))


def count_due_requests(*, now: datetime) -> int:
    """Count crossings that wait for a draft."""
    return DraftRequest.objects.filter(state="open", due_at__lte=now).count()
