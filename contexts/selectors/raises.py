"""Reads of what would raise an account's score."""

from datetime import datetime
from uuid import UUID

from contexts.raising import Kind, WouldRaise, find_raises
from contexts.scoring import WeightConfigData
from contexts.selectors.scores import measure
from signals.selectors import list_types

STAGE_CLAIM = "stage_is"  # what licenses to say in which stage a deal is


def get_would_raise(*, account_id: UUID, as_of: datetime, known_at: datetime | None = None) -> WouldRaise:
    """Return what one more signal of each type would add to the score, and the fewest for the next band.

    Arguments as of `get_score`. Raises: AccountNotFound.
    """
    measured = measure(account_id=account_id, as_of=as_of, known_at=known_at)
    kinds = _list_kinds(measured.configs.weight)
    return find_raises(measured.result, band=measured.band, kinds=kinds)


def _list_kinds(weight: WeightConfigData) -> list[Kind]:
    """Return what may come: every type of the catalogue, and every mapped stage of those that tell one."""
    return [
        Kind(entry.name, stage)
        for entry in list_types()
        for stage in (weight.stage_strengths if STAGE_CLAIM in entry.claims else ("",))
    ]
