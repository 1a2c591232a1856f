"""Instants at the door: always with a zone, never before the year 2000."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from revctx.api.errors import Unprocessable

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(minutes=5)


def _not_before_2000(value: datetime) -> datetime:
    if value.year < EARLIEST.year or value.year > 9998:
        raise ValueError("the year must be 2000 or later")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_not_before_2000)]


def parse_instant(value: str, *, end_of_day: bool = True) -> datetime:
    """Read an instant of a query; a bare date means the end (or start) of that day, UTC.

    Raises:
        Unprocessable: not ISO 8601, without a zone, or before the year 2000.
    """
    try:
        if len(value) == len("2017-06-30"):
            day = date.fromisoformat(value)
            edge = time.max if end_of_day else time.min
            return _not_before_2000(datetime.combine(day, edge, tzinfo=UTC))
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError("it names no zone")
        return _not_before_2000(instant)
    except (ValueError, OverflowError) as error:
        raise Unprocessable(
            "invalid_time", f"A time must look like 2026-11-22 or 2026-11-22T10:00:00Z: {error}."
        ) from error


def clamp_to_now(instant: datetime, *, now: datetime) -> datetime:
    """Return the instant, or `now` when a sender's clock runs up to five minutes ahead.

    Raises:
        Unprocessable: more than five minutes ahead.
    """
    if instant > now + MAX_AHEAD:
        raise Unprocessable(
            "in_the_future",
            "The time lies more than five minutes ahead.",
            fields={"occurred_at": "must not lie in the future"},
        )
    return min(instant, now)
