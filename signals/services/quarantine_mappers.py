"""Which mapper makes drafts of a quarantined payload; connectors register theirs in `AppConfig.ready()`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from signals.contracts import SignalDraft


@dataclass(frozen=True)
class QuarantinedDelivery:
    """A payload as its door received it.

    Args:
        id: of the quarantined payload.
        source: door that it came through.
        payload: the bytes that the door put into quarantine.
        delivery: the sender's id of a signed delivery, or empty.
        received_at: when the door received it; stands in for a time that the payload does not give.
    """

    id: UUID
    source: str
    payload: bytes
    delivery: str
    received_at: datetime


class NotMappable(Exception):
    """A payload that still can't be made into signals.

    Args:
        reason: short word, as for `quarantine`; carries nothing of the payload.
    """

    def __init__(self, reason: str) -> None:
        """Keep why."""
        super().__init__(reason)
        self.reason = reason


# Makes the drafts that the door would make of the payload today; none for what only taught something.
# It may read the database and learn from the payload, in the replay's transaction; it sends nothing.
Mapper = Callable[[QuarantinedDelivery], Sequence[SignalDraft]]
# Finds the mapper of a source that was set up at run time, or None.
Finder = Callable[[str], Mapper | None]

_mappers: dict[str, Mapper] = {}
_finders: dict[str, Finder] = {}


def register_mapper(source: str, mapper: Mapper) -> None:
    """Have payloads of a source replayed by `mapper`.

    Raises:
        ValueError: the source has another one.
    """
    if _mappers.setdefault(source, mapper) is not mapper:
        raise ValueError(f"{source!r} has a mapper already")


def register_finder(name: str, finder: Finder) -> None:
    """Have `finder` asked for sources that no mapper was registered for.

    Raises:
        ValueError: the name is taken.
    """
    if _finders.setdefault(name, finder) is not finder:
        raise ValueError(f"{name!r} is registered already")


def find_mapper(source: str) -> Mapper | None:
    """Return the mapper of a source, or None."""
    if source in _mappers:
        return _mappers[source]
    found = (finder(source) for finder in _finders.values())
    return next((mapper for mapper in found if mapper is not None), None)
