"""Ids that carry their time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from signals.identifiers import new_signal_id, received_between

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(TIMES)
def test_an_id_leads_back_to_its_time(received_at):
    signal_id = new_signal_id(received_at=received_at)

    start, end = received_between([signal_id])

    assert (signal_id.version, signal_id.variant) == (7, "specified in RFC 4122")
    assert start <= received_at < end
    assert end - start == timedelta(milliseconds=1)


@given(TIMES, TIMES)
def test_ids_sort_by_time(one, two):
    earlier, later = sorted([one, two])

    if later - earlier >= timedelta(milliseconds=1):
        assert new_signal_id(received_at=earlier) < new_signal_id(received_at=later)


def test_ids_of_one_moment_differ():
    now = datetime.now(UTC)

    assert len({new_signal_id(received_at=now) for _ in range(1000)}) == 1000


def test_a_made_up_id_gives_a_range_and_no_error():
    start, end = received_between([UUID(int=2**128 - 1), UUID(int=0)])

    assert start < end
