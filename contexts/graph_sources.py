"""Actions in the graph come from apps above this one; they register their part in `AppConfig.ready()`."""

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from contexts.graph_facts import ActionSeen

# (accounts, recorded by then, how many) → the newest actions for any of the accounts, as they stood then.
Source = Callable[[Collection[UUID], datetime, int], list[ActionSeen]]

_sources: dict[str, Source] = {}


def register_actions(name: str, fn: Source) -> None:
    """Have `fn` asked for actions. Raises ValueError: the name is taken."""
    if _sources.setdefault(name, fn) is not fn:
        raise ValueError(f"{name!r} is registered already")


def list_sources() -> list[str]:
    """Return the names of those that are asked."""
    return sorted(_sources)


def list_actions(*, account_ids: Collection[UUID], known_at: datetime, limit: int) -> list[ActionSeen]:
    """Return the newest actions for these accounts, of each source at most `limit` (0: none is asked)."""
    asked = _sources.values() if limit else ()
    return [seen for source in asked for seen in source(account_ids, known_at, limit)]
