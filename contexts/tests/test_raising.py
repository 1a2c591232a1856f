"""What would raise an intent: each number is what scoring with those signals gives."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexts.raising import Kind, find_raises
from contexts.scoring import Bucket, Score, place, score
from contexts.tests.scoring_numbers import DECAY, WEIGHT
from contexts.tests.test_scoring import NOON, at, evidence

KINDS = [
    Kind("page_view"),
    Kind("demo_requested"),
    Kind("unheard_of"),
    Kind("opportunity_stage_changed", "demo_scheduled"),
    Kind("opportunity_stage_changed", "qualification"),
    Kind("opportunity_lost"),
]


def one_more(kind: Kind, person: str) -> Bucket:
    # Just after any other one: what lifts a damping has to come after it.
    just_now = NOON + timedelta(microseconds=1)
    return place(
        signal_type=kind.type, stage=kind.stage, person=person, occurred_at=just_now, strength=1, decay=DECAY
    )


def measure(rows: Sequence[Bucket]) -> Score:
    return score(rows, decay=DECAY, weight=WEIGHT, at=NOON)


def persons(kind: Kind, count: int) -> list[Bucket]:
    return [one_more(kind, f"new-{kind.type}-{kind.stage}-{n}") for n in range(count)]


@settings(max_examples=60)
@given(evidence, st.sampled_from(["cold", "warm"]))
def test_each_number_is_what_scoring_gives(rows, band):
    now = measure(rows)

    advice = find_raises(now, band=band, kinds=KINDS)

    for item in advice.raises:
        assert item.kind.type != "opportunity_lost"
        strongest = max(
            (s for s in now.streams if s.type == item.kind.type and s.person), default=None, key=_strength
        )
        assert measure([*rows, *persons(item.kind, 1)]).exact - now.exact == pytest.approx(
            item.new_person, abs=1e-6
        )
        assert measure([*rows, one_more(item.kind, "")]).exact - now.exact == pytest.approx(
            item.no_person, abs=1e-6
        )
        assert (strongest is None) == (item.same_person is None)
        if strongest is not None:
            with_same = measure([*rows, one_more(item.kind, strongest.person)])
            assert with_same.exact - now.exact == pytest.approx(item.same_person, abs=1e-6)
        if item.needed is not None:
            assert measure([*rows, *persons(item.kind, item.needed)]).exact >= advice.threshold - 1e-6
            assert measure([*rows, *persons(item.kind, item.needed - 1)]).exact < advice.threshold + 1e-6
    more = [bucket for kind, count in advice.fewest for bucket in persons(kind, count)]
    if more:
        assert measure([*rows, *more]).exact >= advice.threshold - 1e-6
        singles = [item.needed for item in advice.raises if item.needed is not None]
        assert sum(count for _, count in advice.fewest) <= min(singles, default=100)


def _strength(stream):
    return stream.strength


def test_a_mix_takes_fewer_signals_than_one_type():
    advice = find_raises(measure([]), band="warm", kinds=KINDS)

    assert advice.next_band == "hot"
    assert advice.threshold == advice.missing == 70.0
    assert advice.raises[0].kind == Kind("opportunity_stage_changed", "demo_scheduled")
    assert len(advice.fewest) == 2


def test_a_signal_that_lifts_a_damping_counts_for_more():
    rows = [
        place(signal_type=kind, stage="", person="p", occurred_at=at(-3600), strength=2, decay=DECAY)
        for kind in ("demo_requested", "page_view", "opportunity_lost")
    ]

    advice = find_raises(measure(rows), band="cold", kinds=KINDS)

    best = advice.raises[0]
    assert best.kind == Kind("demo_requested")
    assert best.same_person > 20  # the lifted damping, not the repetition
    assert advice.fewest == ((Kind("demo_requested"), 1),)


def test_a_hot_account_needs_nothing():
    advice = find_raises(measure([]), band="hot", kinds=KINDS)

    assert (advice.next_band, advice.missing, advice.fewest) == (None, 0.0, ())
