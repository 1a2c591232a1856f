"""What orchestration does for a person's requests; runs inside their transaction."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from compliance.breaches.registry import between
from integrations.outreach.client import PROVIDER, OutreachClient
from orchestration.models import Action, ActionRevision, Execution
from orchestration.policy import Kind, State
from orchestration.services.content import open_letters
from orchestration.services.requests import cancel_for_subject

STILL_NEEDED = [state.value for state in (State.PENDING, State.APPROVED, State.EXECUTING, State.UNKNOWN)]


def erase_drafts(subject_id: UUID) -> None:
    """Cancel what is open for the person and drop every text about them, salt included.

    The key that sealed them is gone already; dropping the ciphertext leaves nothing to wonder about.
    """
    cancel_for_subject(subject_id=subject_id, reason_code="erased", now=timezone.now())
    ActionRevision.objects.filter(action__subject_id=subject_id).update(sealed=None)


def remove_drafts(before: datetime) -> int:
    """Drop the texts of actions that were closed before an instant; the action and its hash stay."""
    closed = Action.objects.exclude(state__in=STILL_NEEDED).filter(updated_at__lt=before)
    return ActionRevision.objects.filter(action__in=closed, sealed__isnull=False).update(sealed=None)


def stop_actions(subject_id: UUID, reason: str, now: datetime) -> None:
    """Cancel what is open for a person who objected or is restricted."""
    cancel_for_subject(subject_id=subject_id, reason_code=reason, now=now)


def export_actions(subject_id: UUID, actor: str, now: datetime) -> list[dict[str, Any]]:
    """Return every action about a person, with its last text, who decided, and what became of it."""
    actions = list(Action.objects.filter(subject_id=subject_id).order_by("created_at", "id"))
    newest = (
        ActionRevision.objects.filter(action__in=actions)
        .select_related("action")
        .order_by("action_id", "-number")
        .distinct("action_id")
    )
    revisions = [revision for revision in newest if revision.sealed is not None]
    letters = open_letters(revisions=revisions, actor=actor, purpose="privacy_export", now=now)
    texts = {
        revision.action_id: json.loads(letter.to_json())
        for revision, letter in zip(revisions, letters, strict=True)
        if letter is not None
    }
    return [_action(action, texts.get(action.id)) for action in actions]


def _action(action: Action, text: dict[str, Any] | None) -> dict[str, Any]:
    if text is not None:
        text.pop("salt", None)  # it keeps the hash in the audit log from being guessed
    return {
        "action_id": action.id,
        "kind": action.kind,
        "state": action.state,
        "reason": action.reason_code,
        "created_at": action.created_at,
        "decisions": list(action.approvals.values("decision", "reason_code", "at")),
        "executions": list(action.executions.values("provider", "state", "started_at", "finished_at")),
        "text": text,
    }


def find_persons(since: datetime | None, before: datetime) -> Iterable[UUID | None]:
    """Return whom the actions proposed in a period are about."""
    rows = Action.objects.filter(**between("created_at", since, before))
    return rows.values_list("subject_id", flat=True).distinct().iterator()


def find_recipients(since: datetime | None, before: datetime) -> Iterable[UUID | None]:
    """Return who was told to the sending service in a period."""
    rows = Execution.objects.filter(**between("started_at", since, before))
    return rows.values_list("action__subject_id", flat=True).distinct().iterator()


def is_known_to_outreach(subject_id: UUID) -> bool:
    """Tell whether a letter to a person was ever handed to Outreach, or may have been."""
    return Execution.objects.filter(
        action__subject_id=subject_id, kind=Kind.EMAIL.value, provider=PROVIDER
    ).exists()


def erase_at_outreach(subject_id: UUID) -> bool:
    """Have Outreach delete a person by our id for them; return whether nobody is left there."""
    with OutreachClient() as client:
        return client.forget_prospect(reference=str(subject_id))
