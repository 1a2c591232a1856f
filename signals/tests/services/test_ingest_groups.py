"""Group commit by itself, and under real concurrent requests."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from signals.services.ingest_groups import GroupCommit, WaitedTooLong


def _submit_all(group, items, timeout=10):
    """Submit each item in a thread of its own and return item → outcome."""

    def submit(item):
        try:
            return group.submit(item, timeout=timeout)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(items)) as threads:
        return dict(zip(items, threads.map(submit, items), strict=True))


class _Gate:
    """A commit that waits for a sign in its first round, so that the others queue up."""

    def __init__(self, commit=lambda items: [item * 2 for item in items]):
        self.commit, self.rounds = commit, []
        self.open, self.entered = threading.Event(), threading.Event()

    def __call__(self, items):
        self.rounds.append(list(items))
        self.entered.set()
        assert self.open.wait(10)
        return self.commit(items)


@pytest.mark.parametrize("spacing", [0.0, 0.002])
@pytest.mark.parametrize("max_items", [1, 3, 500])
def test_everybody_gets_the_own_result_and_every_item_is_done_once(spacing, max_items):
    done = []

    def commit(items):
        assert 0 < len(items) <= max_items
        time.sleep(0.0005)
        done.extend(items)
        return [item * 2 for item in items]

    group = GroupCommit(commit, max_items=max_items, spacing=spacing)

    for _ in range(5):
        outcomes = _submit_all(group, range(40))
        assert outcomes == {item: item * 2 for item in range(40)}

    assert sorted(done) == sorted(list(range(40)) * 5)
    assert not group._is_led
    assert not group._queue


def test_who_comes_alone_never_rests():
    group = GroupCommit(lambda items: items, max_items=500, spacing=60.0)

    assert [group.submit(item, timeout=10) for item in range(5)] == list(range(5))


def test_after_a_shared_round_the_next_rests_until_as_many_have_come():
    gate = _Gate()
    group = GroupCommit(gate, max_items=500, spacing=60.0)
    with ThreadPoolExecutor(20) as threads:

        def submit(items, *, until):
            futures = [threads.submit(group.submit, item, timeout=10) for item in items]
            while not until():
                time.sleep(0.001)
            return futures

        futures = submit([0], until=gate.entered.is_set)
        futures += submit([1, 2, 3], until=lambda: len(group._queue) == 3)
        gate.open.set()
        assert [future.result() for future in futures] == [0, 2, 4, 6]  # three shared the second round
        futures += submit([4], until=lambda: group._resting is not None)
        futures += submit([5], until=lambda: len(group._queue) == 1)
        assert not any(future.done() for future in futures[-2:])
        futures += submit([6], until=futures[-1].done)
        assert [future.result() for future in futures] == [item * 2 for item in range(7)]

    assert [sorted(items) for items in gate.rounds] == [[0], [1, 2, 3], [4, 5, 6]]


def test_after_a_shared_round_the_next_rests_no_longer_than_the_spacing():
    gate = _Gate()
    group = GroupCommit(gate, max_items=500, spacing=0.2)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(group.submit, 0, timeout=10)
        gate.entered.wait(10)
        rest = [threads.submit(group.submit, item, timeout=10) for item in (1, 2, 3)]
        while len(group._queue) < 3:
            time.sleep(0.001)
        gate.open.set()
        assert [future.result() for future in (first, *rest)] == [0, 2, 4, 6]
        began = time.monotonic()

        assert group.submit(4, timeout=10) == 8

    assert 0.05 < time.monotonic() - began < 5
    assert gate.rounds[-1] == [4]


def test_what_comes_during_a_commit_goes_into_the_next_together():
    gate = _Gate()
    group = GroupCommit(gate, max_items=500)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(group.submit, 0, timeout=10)
        gate.entered.wait(10)
        rest = [threads.submit(group.submit, item, timeout=10) for item in range(1, 9)]
        while len(group._queue) < 8:
            time.sleep(0.001)
        gate.open.set()

        assert [future.result() for future in (first, *rest)] == [item * 2 for item in range(9)]

    assert [sorted(items) for items in gate.rounds] == [[0], list(range(1, 9))]


def test_an_outcome_of_one_is_no_outcome_of_others():
    odd = ValueError("odd")
    group = GroupCommit(lambda items: [odd if item % 2 else item for item in items], max_items=500)

    outcomes = _submit_all(group, range(20))

    assert outcomes == {item: odd if item % 2 else item for item in range(20)}


@pytest.mark.parametrize("broken", ["raises", "miscounts", "exits"])
def test_nobody_sleeps_on_when_a_commit_breaks(broken):
    def commit(items):
        if broken == "raises":
            raise ConnectionError("gone")
        if broken == "exits":
            raise SystemExit
        return []

    group = GroupCommit(commit, max_items=500)

    def submit(item):
        try:
            return group.submit(item, timeout=10)
        except BaseException as error:
            return type(error)

    with ThreadPoolExecutor(20) as threads:
        outcomes = set(threads.map(submit, range(20)))

    expected = {"raises": {ConnectionError}, "miscounts": {RuntimeError}, "exits": {SystemExit, RuntimeError}}
    assert outcomes <= expected[broken]
    assert not group._is_led
    assert not group._queue


def test_who_waits_too_long_leaves_and_is_never_done_unless_it_was_taken():
    gate = _Gate()
    group = GroupCommit(gate, max_items=1)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(group.submit, 1, timeout=10)
        gate.entered.wait(10)
        with pytest.raises(WaitedTooLong) as waited:
            group.submit(2, timeout=0.02)
        gate.open.set()
        assert first.result() == 2

    assert not waited.value.was_taken
    assert gate.rounds == [[1]]
    assert group.submit(3, timeout=1) == 6
