"""Ids that carry their time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from signals.identifiers import new_signal_id, new_signal_ids, received_between

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


def test_ids_of_one_batch_rise_and_differ_in_all_their_random_bits():
    ids = list(new_signal_ids(received_at=datetime.now(UTC), count=1000))

    assert ids == sorted(set(ids))
    assert len(ids) == 1000
    # 12 bits behind the version and 62 behind the variant: each is 0 in some id and 1 in another.
    ones = [n for n in range(76) if n not in (62, 63) and any(i.int >> n & 1 for i in ids)]
    zeros = [n for n in range(76) if n not in (62, 63) and any(not i.int >> n & 1 for i in ids)]
    assert ones == zeros == [*range(62), *range(64, 76)]


def test_a_made_up_id_gives_a_range_and_no_error():
    start, end = received_between([UUID(int=2**128 - 1), UUID(int=0)])

    assert start < end
