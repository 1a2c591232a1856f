"""What a connector makes of one event of a webhook. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from signals.contracts import SignalDraft


class Unmappable(Exception):
    """A readable event that no signal can be made of.

    Args:
        reason: short word for the quarantine; carries nothing of the event.
    """

    def __init__(self, reason: str) -> None:
        """Keep why."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Outcome:
    """One event and what it leads to: a draft, a reason for the quarantine, or neither.

    An event with neither only taught us who belongs to whom, and is counted as noted. `delivery` is the id
    under which its sender delivered it, where the event has none of its own.
    """

    payload: Any
    draft: SignalDraft | None = None
    reason: str = ""
    delivery: str = ""


@dataclass(frozen=True)
class Known:
    """What earlier events taught about one of the source's own ids.

    Args:
        account: account references, or empty.
        email: address of the person, or empty.
    """

    account: Mapping[str, str]
    email: str = ""


NOBODY = Known(account={})


@dataclass(frozen=True)
class Link:
    """One thing that an event taught about an id of its source.

    Args:
        key: the source's id with its kind, such as `62515:deal:17`.
        at: when that became so.
        account: its account's references; an empty one says that it has none any more.
        email: address of the person behind it.
    """

    key: str
    at: datetime
    account: Mapping[str, str] | None = None
    email: str = ""


def text_of(document: Mapping[str, Any], name: str, *, limit: int = 200) -> str:
    """Return a text or a whole number as trimmed text; "" when it is missing or null.

    Raises:
        Unmappable: it is of another kind, or longer than `limit` characters.
    """
    value = document.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > limit:
        raise Unmappable(f"invalid_{snake(name)}")
    return value.strip()


def instant_of_milliseconds(value: Any, name: str) -> datetime:
    """Return the instant of Unix milliseconds.

    Raises:
        Unmappable: no whole number, or outside of the years that a calendar has.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unmappable(f"invalid_{snake(name)}")
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Unmappable(f"invalid_{snake(name)}") from error


def instant_of_text(value: Any, name: str) -> datetime:
    """Return the instant of an ISO 8601 text with a zone, in UTC.

    Raises:
        Unmappable: not of that form, or in UTC outside of the years that a calendar has.
    """
    if not isinstance(value, str) or len(value) > 64:
        raise Unmappable(f"invalid_{snake(name)}")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise Unmappable(f"invalid_{snake(name)}") from error
    if instant.tzinfo is None:
        raise Unmappable(f"naive_{snake(name)}")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise Unmappable(f"invalid_{snake(name)}") from error


def snake(name: str) -> str:
    """Return a vendor's key as part of a reason: `objectId` → `object_id`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")
