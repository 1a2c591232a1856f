"""What merging concerns in apps above this one; they register it in `AppConfig.ready()`."""

from collections.abc import Callable, Collection
from uuid import UUID

# (accounts, persons) → how many drafts wait for a decision for any of them.
Counter = Callable[[Collection[UUID], Collection[UUID]], int]

_counters: dict[str, Counter] = {}


def register_pending(name: str, fn: Counter) -> None:
    """Have `fn` asked for pending work in previews. Raises ValueError: the name is taken."""
    if _counters.setdefault(name, fn) is not fn:
        raise ValueError(f"{name!r} is registered already")


def list_counters() -> list[str]:
    """Return the names of those that are asked."""
    return sorted(_counters)


def count_pending(*, account_ids: Collection[UUID], subject_ids: Collection[UUID]) -> int:
    """Return how many drafts wait for a decision for these accounts or persons."""
    return sum(count(account_ids, subject_ids) for count in _counters.values())
