from datetime import UTC, datetime, timedelta

import pytest

from revctx.api.errors import Unprocessable
from revctx.api.times import clamp_to_now, parse_instant

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class TestParseInstant:
    def test_a_bare_date_is_the_end_of_that_day(self):
        assert parse_instant("2017-06-30") == datetime(2017, 6, 30, 23, 59, 59, 999999, tzinfo=UTC)

    def test_a_bare_date_can_be_its_start(self):
        assert parse_instant("2017-06-30", end_of_day=False) == datetime(2017, 6, 30, tzinfo=UTC)

    def test_keeps_the_instant_of_another_zone(self):
        assert parse_instant("2026-11-22T13:00:00+01:00") == NOW

    @pytest.mark.parametrize(
        "text", ["", "soon", "2026-11-22T12:00:00", "1999-12-31", "2026-13-01", "9" * 10]
    )
    def test_refuses_what_is_no_instant(self, text):
        with pytest.raises(Unprocessable):
            parse_instant(text)


class TestClampToNow:
    def test_takes_a_clock_that_runs_ahead_for_now(self):
        assert clamp_to_now(NOW + timedelta(minutes=5), now=NOW) == NOW

    def test_keeps_the_past(self):
        assert clamp_to_now(NOW - timedelta(days=1), now=NOW) == NOW - timedelta(days=1)

    def test_refuses_the_future(self):
        with pytest.raises(Unprocessable):
            clamp_to_now(NOW + timedelta(minutes=5, seconds=1), now=NOW)
