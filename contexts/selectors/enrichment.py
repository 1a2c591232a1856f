"""Reads of how well an account is known and what knowing more would cost."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.contracts import AccountView, Quality
from contexts.offers import Offers, list_offers
from contexts.selectors.accounts import get_account
from contexts.selectors.quality import judge_context


@dataclass(frozen=True, kw_only=True)
class Enrichment:
    """The quality of an account's context, and the offers to better it."""

    account_id: UUID
    quality: Quality
    offers: Offers


def get_enrichment(*, account_id: UUID, now: datetime, account: AccountView | None = None) -> Enrichment:
    """Return quality and offers of an account (`account`: if it is read already). Raises: AccountNotFound."""
    account = account or get_account(account_id)
    quality, wanted = judge_context(account_id=account.id, now=now)
    return Enrichment(
        account_id=account.id,
        quality=quality,
        offers=list_offers(account.id, account.domain, wanted, now),
    )
