"""Let what nobody decided expire; expiry never sends."""

from datetime import datetime

from django.db import transaction

from orchestration.models import Action
from orchestration.policy import Move, State
from orchestration.services.moves import apply_move

ACTOR = "system:expiry"


@transaction.atomic
def expire_pending(*, now: datetime, limit: int = 200) -> int:
    """Expire pending actions whose time is over, up to `limit`; return how many."""
    over = Action.objects.filter(state=State.PENDING.value, expires_at__lte=now)
    actions = list(over.order_by("expires_at").select_for_update(skip_locked=True)[:limit])
    for action in actions:
        apply_move(action, Move.EXPIRE, actor=ACTOR, now=now, reason_code="not_decided_in_time")
    return len(actions)
