"""Reads of how well an account is known."""

from datetime import datetime
from uuid import UUID

from contexts.contracts import AccountNotFound, Quality
from contexts.families import find_root
from contexts.models import Account
from contexts.quality import best_missing, measure_quality


def get_quality(*, account_id: UUID, now: datetime) -> Quality:
    """Return the quality of an account's context. Raises: AccountNotFound."""
    account = Account.objects.filter(id=find_root(account_id)).first()
    if account is None:
        raise AccountNotFound("no account has this id")
    measured = measure_quality(account.fact_sources, now=now)
    missing, gain = best_missing(account.fact_sources, now=now)
    return Quality(**measured._asdict(), cheapest_missing=missing, cheapest_missing_gain=gain)
