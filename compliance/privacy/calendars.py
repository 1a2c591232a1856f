"""Business days. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
# Month, weekday, which one (-1 is the last): the federal holidays that wander.
_WANDERING = ((1, _MONDAY, 3), (2, _MONDAY, 3), (5, _MONDAY, -1), (9, _MONDAY, 1), (10, _MONDAY, 2),
              (11, _THURSDAY, 4))  # fmt: skip
_FIXED = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))


@lru_cache(maxsize=64)
def list_us_holidays(year: int) -> frozenset[date]:
    """Return the days of a year on which federal holidays are observed. Source: 5 U.S.C. § 6103.

    A holiday on Saturday is observed on the Friday before, one on Sunday on the Monday after; New Year's
    Day of the next year may so fall into this one.
    """
    fixed = {_observed(date(y, month, day)) for y in (year, year + 1) for month, day in _FIXED}
    wandering = {_nth(year, month, weekday, n) for month, weekday, n in _WANDERING}
    return frozenset(day for day in fixed | wandering if day.year == year)


def is_us_business_day(day: date) -> bool:
    """Return whether it is a Monday to Friday and no federal holiday."""
    return day.weekday() < _SATURDAY and day not in list_us_holidays(day.year)


def add_us_business_days(day: date, count: int) -> date:
    """Return the day that is ``count`` (≥ 0) business days after ``day``, which itself does not count."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_us_business_day(day)
    return day


def add_months(day: date, count: int) -> date:
    """Return the same day ``count`` months on, or that month's last day if it has no such day.

    Source: Regulation (EEC, Euratom) 1182/71, Article 3(2)(c).
    """
    months = day.year * 12 + day.month - 1 + count
    year, month = months // 12, months % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def _observed(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == _SUNDAY else day


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    if n < 0:
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
