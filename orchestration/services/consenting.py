"""A reader's own withdrawal, by the link in a letter."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from compliance import consent, gpc
from orchestration.models import Action

ACTOR = "system:unsubscribe"


def honour_gpc(*, action_id: UUID, headers: Mapping[str, str], now: datetime) -> bool:
    """Take the privacy signal of a reader's browser; return whether an opt-out of sale and sharing stands."""
    subject_id = Action.objects.filter(pk=action_id).values_list("subject_id", flat=True).first()
    return gpc.honour(subject_id=subject_id, headers=headers, now=now)


def withdraw_by_action(*, action_id: UUID, now: datetime) -> bool:
    """Withdraw e-mail outreach consent of the letter's reader; False where the letter has no reader."""
    subject_id = Action.objects.filter(pk=action_id).values_list("subject_id", flat=True).first()
    if subject_id is None:
        return False
    consent.revoke(
        subject_id=subject_id,
        purpose=consent.DEFAULT_PURPOSE,
        channel=consent.DEFAULT_CHANNEL,
        source="unsubscribe_link",
        actor=ACTOR,
        now=now,
    )
    return True
