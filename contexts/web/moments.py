"""Days that a reader asks for."""

from dataclasses import dataclass
from datetime import datetime

from revctx.api.errors import ApiError
from revctx.api.times import parse_instant


@dataclass(frozen=True)
class AskedDay:
    """What was asked, its end (None: not asked, or not understood), and what is wrong with it."""

    text: str
    at: datetime | None = None
    error: str = ""


def parse_past_day(text: str, *, now: datetime) -> AskedDay:
    """Read a day for which there is a score: one that is not over is now, and one to come says so."""
    asked = parse_day(text)
    if asked.at is None or asked.at < now:
        return asked
    is_to_come = asked.at.date() > now.date()
    return AskedDay(asked.text, error="This day is still to come; shown is now." if is_to_come else "")


def parse_day(text: str) -> AskedDay:
    """Read a day or an instant; what can't be read says so instead of failing."""
    asked = text.strip()
    if not asked:
        return AskedDay(asked)
    try:
        return AskedDay(asked, parse_instant(asked))
    except ApiError:
        return AskedDay(asked, error="Write a day such as 2026-03-31.")
