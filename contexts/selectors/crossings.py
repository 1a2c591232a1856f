"""Reads of passages of the high-intent band."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.families import find_root
from contexts.models import Crossing


@dataclass(frozen=True, kw_only=True)
class CrossingView:
    """A passage of the high-intent band; `version` is the account's version that it made."""

    id: UUID
    account_id: UUID
    version: int
    direction: str
    intent: float
    crossed_at: datetime


def find_last_crossing(account_id: UUID) -> CrossingView | None:
    """Return the newest crossing of an account, of a merged one the survivor's, or None."""
    crossings = Crossing.objects.filter(account_id=find_root(account_id))
    row = crossings.order_by("-crossed_at", "-version").first()
    if row is None:
        return None
    return CrossingView(
        id=row.id,
        account_id=row.account_id,
        version=row.version,
        direction=row.direction,
        intent=row.intent,
        crossed_at=row.crossed_at,
    )
