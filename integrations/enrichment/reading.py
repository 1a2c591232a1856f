"""Read what a stranger says of a company: short plain words and numbers in range, or nothing."""

import re
from typing import Any

MAX_WORDS = 20
_WORDY = re.compile(r"[^A-Za-z0-9 &+.,/()'-]")


def read_word(value: Any) -> str | None:
    """Return at most 60 plain characters, or None."""
    return " ".join(_WORDY.sub(" ", value).split())[:60] if isinstance(value, str) else None


def read_count(value: Any) -> int | None:
    """Return a whole number from 0 to below 10¹⁵, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < 10**15 else None


def read_words(value: Any) -> list[str]:
    """Return the plain words of a list, at most 20."""
    named = value[:MAX_WORDS] if isinstance(value, list) else []
    return [word for item in named if (word := read_word(item))]


def keep_known(facts: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing."""
    return {name: value for name, value in facts.items() if value not in (None, "", [])}
