"""Who is affected when a place is breached: each app says it for its own, in ``AppConfig.ready()``.

Apps import this module while they are being loaded, before any model exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

# (recorded since, or None for ever; recorded before) → the persons concerned, each any number of times;
# None where a row is about nobody.
Finder = Callable[[datetime | None, datetime], Iterable[UUID | None]]

_finders: dict[str, Finder] = {}


def register_finder(place: str, fn: Finder) -> None:
    """Have ``fn`` asked for the persons that something recorded in a place of the data map is about.

    Raises:
        ValueError: the place has a finder.
    """
    if _finders.setdefault(place, fn) is not fn:
        raise ValueError(f"{place!r} has a finder already")


def list_searchable() -> list[str]:
    """Return the places that persons can be found by."""
    return sorted(_finders)


def find_persons(place: str, since: datetime | None, before: datetime) -> set[UUID]:
    """Return the persons something recorded in a place is about.

    Raises:
        KeyError: the place has no finder.
    """
    return {person for person in _finders[place](since, before) if person is not None}


def between(field: str, since: datetime | None, before: datetime) -> dict[str, datetime]:
    """Return the conditions of a finder's query on the column that says when a row was recorded."""
    earliest = {f"{field}__gte": since} if since else {}
    return {f"{field}__lt": before, **earliest}
