from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.jurisdictions import JURISDICTIONS
from compliance.privacy import calendars, deadlines

INSTANTS = st.datetimes(
    datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)
DAYS = st.dates(date(2020, 1, 1), date(2060, 1, 1))
PLACES = st.sampled_from(sorted(JURISDICTIONS))


def clock(code, at, *, opt_out=False):
    regime = JURISDICTIONS[code].regime
    return deadlines.start_clock(regime=regime, jurisdiction=code, is_opt_out=opt_out, received_at=at)


def extend(code, at, due_at, now, *, opt_out=False):
    return deadlines.extend(
        regime=JURISDICTIONS[code].regime,
        jurisdiction=code,
        is_opt_out=opt_out,
        received_at=at,
        due_at=due_at,
        now=now,
    )


@pytest.mark.parametrize(
    ("code", "received", "confirm", "due", "extended"),
    [
        ("DE", "2026-01-31T10:00Z", None, "2026-02-28", "2026-04-30"),
        ("UK", "2026-03-15T10:00Z", None, "2026-04-15", "2026-06-15"),
        # Thanksgiving (26 November) is no business day.
        ("US-CA", "2026-11-16T20:00Z", "2026-12-01", "2026-12-31", "2027-02-14"),
        ("US-CA", "2026-01-02T03:00Z", "2026-01-15", "2026-02-15", "2026-04-01"),  # still 1 January there
        ("IN", "2026-01-01T20:00Z", None, "2026-04-02", None),  # already 2 January there
    ],
)
def test_the_laws_own_examples(code, received, confirm, due, extended):
    at = datetime.fromisoformat(received)
    found = clock(code, at)

    assert deadlines.local_day(found.due_at, code) == date.fromisoformat(due)
    if confirm:
        assert deadlines.local_day(found.confirm_by, code) == date.fromisoformat(confirm)
    else:
        assert found.confirm_by is None
    if extended:
        later = extend(code, at, found.due_at, now=at)
        assert deadlines.local_day(later, code) == date.fromisoformat(extended)
    else:
        with pytest.raises(deadlines.ExtensionRefused, match="no_extension"):
            extend(code, at, found.due_at, now=at)


@given(PLACES, INSTANTS, st.booleans())
def test_a_due_time_lies_ahead_and_never_beyond_the_law(code, at, opt_out):
    found = clock(code, at, opt_out=opt_out)

    assert timedelta(days=4) < found.due_at - at < timedelta(days=92)
    if found.confirm_by is not None:
        assert at < found.confirm_by < found.due_at


@given(PLACES, INSTANTS, st.floats(0, 1))
def test_extended_once_at_most_and_only_in_time(code, at, part):
    found = clock(code, at)
    try:
        later = extend(code, at, found.due_at, now=at + (found.due_at - at) * part)
    except deadlines.ExtensionRefused:
        assert deadlines.get_law(JURISDICTIONS[code].regime).extended is None
        return

    # Three months are at most 92 days; the day of receipt may already be the next one where they live.
    assert found.due_at < later <= at + timedelta(days=94)
    with pytest.raises(deadlines.ExtensionRefused, match="already_extended"):
        extend(code, at, later, now=at)
    with pytest.raises(deadlines.ExtensionRefused, match="too_late"):
        extend(code, at, found.due_at, now=found.due_at + timedelta(seconds=1))


@given(PLACES, INSTANTS, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_later_receipt_is_never_due_earlier(code, at, delay):
    assert clock(code, at).due_at <= clock(code, at + delay).due_at


@given(DAYS, st.integers(0, 60))
def test_business_days_are_counted_one_by_one(day, count):
    end = calendars.add_us_business_days(day, count)

    between = [day + timedelta(days=n) for n in range(1, (end - day).days + 1)]
    assert sum(map(calendars.is_us_business_day, between)) == count
    assert count == 0 or calendars.is_us_business_day(end)


@given(DAYS, st.integers(0, 36))
def test_months_keep_the_day_or_take_the_last(day, count):
    end = calendars.add_months(day, count)

    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == count
    assert end.day == day.day or (end.day < day.day and (end + timedelta(days=1)).day == 1)


def test_federal_holidays_of_a_year():
    assert sorted(calendars.list_us_holidays(2026)) == [
        date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19),
        date(2026, 7, 3), date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26),
        date(2026, 12, 25),
    ]  # fmt: skip
    assert date(2021, 12, 31) in calendars.list_us_holidays(2021)  # New Year's Day of 2022, a Saturday
