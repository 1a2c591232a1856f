"""Reads of how well an account is known."""

from datetime import datetime
from typing import Any
from uuid import UUID

from contexts.contracts import Quality
from contexts.families import find_root
from contexts.quality import best_missing, measure_quality
from contexts.quality import list_wanted as find_wanted
from contexts.selectors.accounts import read_context


def get_quality(*, account_id: UUID, now: datetime) -> Quality:
    """Return the quality of an account's context. Raises: AccountNotFound."""
    return judge_context(account_id=account_id, now=now)[0]


def list_wanted(*, account_id: UUID, now: datetime) -> dict[str, float]:
    """Return the missing or outdated attributes and the gain of quality by each. Raises: AccountNotFound."""
    return find_wanted(_read_sources(account_id), now=now)


def judge_context(*, account_id: UUID, now: datetime) -> tuple[Quality, dict[str, float]]:
    """Return the quality of an account's context and what is wanted. Raises: AccountNotFound."""
    sources = _read_sources(account_id)
    measured = measure_quality(sources, now=now)
    missing, gain = best_missing(sources, now=now)
    quality = Quality(**measured._asdict(), best_missing=missing, best_missing_gain=gain)
    return quality, find_wanted(sources, now=now)


def _read_sources(account_id: UUID) -> dict[str, Any]:
    account = read_context(find_root(account_id)).account
    sources: dict[str, Any] = account.fact_sources
    return sources
