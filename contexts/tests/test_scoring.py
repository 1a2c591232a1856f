"""Properties of the score: order, duplication, split, sums, decay, cooling time, damping."""

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contexts.scoring import MASS_SCALE, Bucket, ScoreState, choose_band, oldest_bucket, place, score
from contexts.tests.scoring_numbers import DECAY, WEIGHT

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TYPES = [
    "page_view",
    "demo_requested",
    "opportunity_stage_changed",
    "blink",
    "unheard_of",
    "opportunity_lost",
]


@st.composite
def signals(draw: st.DrawFn) -> Bucket:
    kind = draw(st.sampled_from(TYPES))
    stage = draw(st.sampled_from(["demo_scheduled", "qualification", "mystery"])) if "stage" in kind else ""
    age = timedelta(microseconds=draw(st.integers(0, 200 * 86_400 * 10**6)))
    return place(
        signal_type=kind,
        stage=stage,
        person=draw(st.sampled_from(["", "p1", "p2", "p3"])),
        occurred_at=NOON - age,
        strength=draw(st.floats(0.01, 10)),
        decay=DECAY,
    )


evidence = st.lists(signals(), min_size=1, max_size=60)


def state_of(numbered: list[tuple[int, Bucket]]) -> list[Bucket]:
    state = ScoreState()
    for number, bucket in numbered:
        state.observe(str(number), bucket)
    return state.buckets()


def _draw(random) -> Bucket:
    kind = random.choice(TYPES)
    return place(
        signal_type=kind,
        stage=random.choice(["demo_scheduled", "mystery"]) if "stage" in kind else "",
        person=random.choice(["", "p1", "p2"]),
        occurred_at=NOON - timedelta(microseconds=random.randrange(5 * 365 * 86_400 * 10**6)),
        strength=random.uniform(0.01, 10),
        decay=DECAY,
    )


def at(seconds: float = 0) -> datetime:
    return NOON + timedelta(seconds=seconds)


class TestState:
    @given(evidence, st.randoms(use_true_random=False))
    def test_order_and_duplicates_leave_the_same_bits(self, buckets, random):
        numbered = list(enumerate(buckets))
        shuffled = numbered + random.choices(numbered, k=len(numbered))
        random.shuffle(shuffled)

        first, second = state_of(numbered), state_of(shuffled)

        assert first == second
        assert score(first, decay=DECAY, weight=WEIGHT, at=NOON) == score(
            second, decay=DECAY, weight=WEIGHT, at=NOON
        )

    @given(evidence, st.integers(0, 60))
    def test_split_processing_leaves_the_same_bits(self, buckets, cut):
        merged = ScoreState()
        for half in (buckets[:cut], buckets[cut:]):
            part = ScoreState()
            for bucket in half:
                part.add(bucket)
            for bucket in part.buckets():
                merged.add(bucket)

        assert merged.buckets() == state_of(list(enumerate(buckets)))

    @pytest.mark.parametrize("seed", range(3))
    def test_3000_signals_in_any_order_and_chunks_leave_the_same_bits(self, seed):
        random = Random(seed)
        numbered = [(n, _draw(random)) for n in range(3_000)]
        shuffled = numbered + random.choices(numbered, k=500)
        random.shuffle(shuffled)  # late signals among them, for they are five years apart
        chunked = ScoreState()
        for start in range(0, 3_000, 271):
            for bucket in state_of(numbered[start : start + 271]):
                chunked.add(bucket)

        first = state_of(numbered)

        assert state_of(shuffled) == first
        assert chunked.buckets() == first

    @given(evidence, evidence, st.randoms(use_true_random=False))
    def test_retraction_restores_the_state_exactly(self, kept, wrong, random):
        mixed = [*enumerate(kept), *enumerate(wrong, start=1_000)]
        random.shuffle(mixed)
        state = ScoreState()
        for number, bucket in mixed:
            state.observe(str(number), bucket)

        for number in range(1_000, 1_000 + len(wrong)):
            assert state.retract(str(number))
            assert not state.retract(str(number))
            assert not state.observe(str(number), wrong[number - 1_000])

        assert state.buckets() == state_of(list(enumerate(kept)))

    @given(evidence, st.randoms(use_true_random=False))
    def test_reading_does_not_depend_on_the_order_of_rows(self, buckets, random):
        rows = state_of(list(enumerate(buckets)))
        shuffled = random.sample(rows, k=len(rows))

        assert score(shuffled, decay=DECAY, weight=WEIGHT, at=NOON) == score(
            rows, decay=DECAY, weight=WEIGHT, at=NOON
        )


class TestPlace:
    @pytest.mark.parametrize("strength", [0.0, -1.0, 10.01, math.nan, math.inf])
    def test_refuses_a_strength_outside_its_range(self, strength):
        with pytest.raises(ValueError, match="strength"):
            place(
                signal_type="page_view", stage="", person="", occurred_at=NOON, strength=strength, decay=DECAY
            )

    @given(st.integers(0, 4 * 10**15), st.floats(0.01, 10))
    def test_mass_follows_the_formula(self, micros, strength):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)

        bucket = place(
            signal_type="page_view", stage="", person="", occurred_at=moment, strength=strength, decay=DECAY
        )

        half_life = 3 * 86_400 * 10**6
        assert bucket.n == micros // half_life
        assert abs(bucket.mass - strength * 2 ** (micros % half_life / half_life) * MASS_SCALE) <= 0.5 + 1e-4

    @given(st.floats(0.1, 10), st.integers(0, 10**12))
    def test_strength_halves_every_half_life(self, strength, micros):
        moment = NOON - timedelta(microseconds=micros)
        bucket = place(
            signal_type="demo_requested",
            stage="",
            person="",
            occurred_at=moment,
            strength=strength,
            decay=DECAY,
        )

        fresh, aged = (
            score([bucket], decay=DECAY, weight=WEIGHT, at=moment + timedelta(days=days)).streams[0].strength
            for days in (0, 7)
        )

        assert fresh == pytest.approx(strength, rel=1e-8)
        assert aged == pytest.approx(strength / 2, rel=1e-8)


class TestScore:
    @given(evidence, st.floats(0, 400 * 86_400))
    def test_parts_sum_exactly_and_stay_in_range(self, buckets, later):
        result = score(buckets, decay=DECAY, weight=WEIGHT, at=at(later))

        points = [part.points for part in result.parts]
        assert sum(points) == sum(reversed(points)) == result.intent
        assert 0 <= result.intent <= 100
        assert all(point >= 0 for point in points)

    @given(evidence, st.lists(st.floats(0, 400 * 86_400), min_size=2, max_size=6))
    def test_never_rises_between_signals(self, buckets, moments):
        rows = state_of(list(enumerate(buckets)))

        values = [score(rows, decay=DECAY, weight=WEIGHT, at=at(moment)).exact for moment in sorted(moments)]

        assert all(later <= earlier + 1e-9 for earlier, later in pairwise(values))

    @given(evidence, signals())
    def test_more_evidence_never_lowers_it(self, buckets, extra):
        assume(extra.type not in WEIGHT.damping)

        before = score(buckets, decay=DECAY, weight=WEIGHT, at=NOON)
        after = score([*buckets, extra], decay=DECAY, weight=WEIGHT, at=NOON)

        assert after.exact >= before.exact - 1e-9

    @given(evidence)
    def test_matches_the_sum_over_single_signals(self, buckets):
        by_type: dict[str, dict[str, float]] = {}
        for bucket in buckets:
            if bucket.n < oldest_bucket(signal_type=bucket.type, at=NOON, decay=DECAY):
                continue
            half_life = DECAY.half_life_micros(bucket.type)
            age = (NOON - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1) / half_life
            strength = (
                bucket.mass / MASS_SCALE * 2.0 ** (bucket.n - age) * WEIGHT.stage_strength(bucket.stage)
            )
            persons = by_type.setdefault(bucket.type, {})
            persons[bucket.person] = persons.get(bucket.person, 0.0) + strength
        total = sum(
            WEIGHT.weight(kind)
            * (1 - math.exp(-sum(map(math.log1p, persons.values())) / WEIGHT.saturation(kind)))
            for kind, persons in by_type.items()
        )

        result = score(buckets, decay=DECAY, weight=WEIGHT, at=NOON)

        assert result.exact == pytest.approx(
            100 * result.damping * (1 - math.exp(-total / WEIGHT.rho)), abs=1e-6
        )

    def test_breadth_beats_repetition(self):
        def views(*persons: str) -> float:
            rows = [
                place(signal_type="page_view", stage="", person=p, occurred_at=NOON, strength=1, decay=DECAY)
                for p in persons
            ]
            return score(rows, decay=DECAY, weight=WEIGHT, at=NOON).exact

        assert views("p1", "p2", "p3") > views("p1", "p1", "p1")

    def test_no_evidence_is_zero(self):
        result = score([], decay=DECAY, weight=WEIGHT, at=NOON)

        assert (result.intent, result.parts, result.falls_below(56.0)) == (0.0, (), None)


class TestFallsBelow:
    @settings(max_examples=300)
    @given(evidence, st.floats(5, 90))
    def test_is_right_to_the_second(self, buckets, level):
        rows = state_of(list(enumerate(buckets)))
        result = score(rows, decay=DECAY, weight=WEIGHT, at=NOON)
        assume(result.exact >= level)

        moment = result.falls_below(level)

        assert moment is not None
        before = score(rows, decay=DECAY, weight=WEIGHT, at=moment)
        after = score(rows, decay=DECAY, weight=WEIGHT, at=moment + timedelta(seconds=1))
        assert before.exact >= level > after.exact

    def test_is_none_below_the_level(self):
        rows = [
            place(signal_type="page_view", stage="", person="", occurred_at=NOON, strength=1, decay=DECAY)
        ]

        assert score(rows, decay=DECAY, weight=WEIGHT, at=NOON).falls_below(56.0) is None


class TestDamping:
    def rows(self, *kinds_and_hours: tuple[str, float]) -> list[Bucket]:
        return [
            place(signal_type=k, stage="", person="", occurred_at=at(3600 * h), strength=1, decay=DECAY)
            for k, h in kinds_and_hours
        ]

    def damping(self, *kinds_and_hours: tuple[str, float]) -> float:
        return score(self.rows(*kinds_and_hours), decay=DECAY, weight=WEIGHT, at=at(10**6)).damping

    def test_negative_evidence_damps_until_a_lifting_type_arrives(self):
        assert self.damping(("page_view", 0)) == 1.0
        assert self.damping(("page_view", 0), ("opportunity_lost", 1)) == 0.3
        assert self.damping(("opportunity_lost", 1), ("demo_requested", 2)) == 1.0
        assert self.damping(("demo_requested", 0), ("opportunity_lost", 1)) == 0.3
        assert self.damping(("opportunity_lost", 1), ("demo_requested", 2), ("opportunity_lost", 3)) == 0.3

    def test_dampings_multiply(self):
        assert self.damping(("opportunity_lost", 1), ("unsubscribed", 2)) == pytest.approx(0.18)

    def test_damping_outlives_the_horizon_of_the_evidence(self):
        rows = self.rows(("opportunity_lost", 0))

        result = score(rows, decay=DECAY, weight=WEIGHT, at=NOON + timedelta(days=5_000))

        assert result.damping == 0.3


class TestChooseBand:
    @pytest.mark.parametrize(
        ("previous", "exact", "band"),
        [
            ("cold", 69.99, "warm"),
            ("cold", 70.0, "hot"),
            ("hot", 56.0, "hot"),
            ("hot", 55.99, "warm"),
            ("warm", 56.0, "warm"),
            ("warm", 28.0, "warm"),
            ("warm", 27.99, "cold"),
            ("cold", 28.0, "cold"),
            ("hot", 3.0, "cold"),
        ],
    )
    def test_enters_at_the_threshold_and_leaves_below_four_fifths(self, previous, exact, band):
        assert choose_band(previous=previous, exact=exact, weight=WEIGHT) == band
