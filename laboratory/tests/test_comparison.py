"""The arithmetic of the comparison, by example and by property."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laboratory.comparison import (
    HORIZON,
    MIN_POSITIVE_ACCOUNTS,
    Crossing,
    Interval,
    Outcome,
    Verdict,
    bootstrap_differences,
    count_positive_accounts,
    decide_verdict,
    judge_crossings,
    list_flips,
    precision_at,
    rank_outcomes,
    summarise,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AFTER = START + timedelta(days=365)


def crossing(account: str, day: float = 0, intent: float = 75.0, signal: str = "s") -> Crossing:
    return Crossing(account_id=account, signal_id=signal, at=START + timedelta(days=day), intent=intent)


def outcome(account: str, *, positive: bool | None = True, intent: float = 75.0, actions: int = 1) -> Outcome:
    return Outcome(account, START, intent, actions, positive, timedelta(days=1) if positive else None)


def arm(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {found.account_id: found for found in outcomes}


accounts = st.sampled_from([f"a{number}" for number in range(12)])
outcomes = st.builds(
    outcome,
    accounts,
    positive=st.sampled_from([True, False, None]),
    intent=st.floats(min_value=0, max_value=100),
    actions=st.integers(min_value=1, max_value=5),
)
arms = st.lists(outcomes, max_size=12).map(arm)
crossings = st.builds(
    crossing,
    accounts,
    day=st.integers(min_value=0, max_value=60),
    intent=st.floats(min_value=70, max_value=100),
    signal=st.uuids().map(str),
)


class TestJudging:
    def test_an_advance_within_the_horizon_makes_the_account_positive(self):
        judged = judge_crossings(
            crossings=[crossing("a")], advances={"a": [START + timedelta(days=12)]}, known_at=LONG_AFTER
        )

        assert judged["a"].positive is True
        assert judged["a"].lead == timedelta(days=12)

    @pytest.mark.parametrize("late_by", [timedelta(0), -timedelta(days=3), HORIZON + timedelta(seconds=1)])
    def test_an_advance_at_before_or_long_after_the_crossing_does_not_count(self, late_by):
        judged = judge_crossings(
            crossings=[crossing("a")], advances={"a": [START + late_by]}, known_at=LONG_AFTER
        )

        assert judged["a"].positive is False

    def test_an_outcome_that_nobody_can_know_yet_is_left_open(self):
        known_at = START + timedelta(days=10)

        judged = judge_crossings(
            crossings=[crossing("a")], advances={"a": [START + timedelta(days=20)]}, known_at=known_at
        )

        assert judged["a"].positive is None

    @settings(deadline=None)
    @given(st.lists(crossings, max_size=30), st.randoms(use_true_random=False))
    def test_the_order_of_crossings_changes_nothing(self, found, source):
        shuffled = list(found)
        source.shuffle(shuffled)

        def judge(given_crossings):
            return judge_crossings(crossings=given_crossings, advances={}, known_at=LONG_AFTER)

        assert judge(found) == judge(shuffled)

    @settings(deadline=None)
    @given(st.lists(crossings, max_size=30))
    def test_actions_are_all_crossings(self, found):
        judged = judge_crossings(crossings=found, advances={}, known_at=LONG_AFTER)

        assert summarise(judged)["actions"] == len(found)


class TestFlips:
    @settings(deadline=None)
    @given(st.sets(accounts), st.sets(accounts))
    def test_they_split_the_union_into_three(self, before, after):
        flips = list_flips(champion=before, challenger=after)

        listed = flips.gained + flips.lost + flips.kept
        assert sorted(listed) == sorted(before | after)
        assert set(flips.gained) == after - before
        assert set(flips.lost) == before - after

    @settings(deadline=None)
    @given(st.sets(accounts), st.sets(accounts))
    def test_swapping_the_arms_swaps_gained_and_lost(self, before, after):
        there = list_flips(champion=before, challenger=after)
        back = list_flips(champion=after, challenger=before)

        assert (there.gained, there.lost, there.kept) == (back.lost, back.gained, back.kept)


class TestPrecision:
    def test_it_counts_hits_among_the_first_k(self):
        found = [
            outcome("a", intent=90),
            outcome("b", positive=False, intent=80),
            outcome("c", intent=70),
        ]

        assert precision_at(outcomes=found, k=1) == 1
        assert precision_at(outcomes=found, k=2) == 0.5
        assert precision_at(outcomes=found, k=4) == 0.5

    def test_an_account_that_cannot_be_judged_takes_no_slot(self):
        found = [outcome("a", positive=None, intent=99), outcome("b", intent=71)]

        assert precision_at(outcomes=found, k=1) == 1

    def test_k_below_one_is_refused(self):
        with pytest.raises(ValueError, match="at least 1"):
            precision_at(outcomes=[], k=0)

    @settings(deadline=None)
    @given(arms, st.integers(min_value=1, max_value=15))
    def test_it_is_a_share(self, found, k):
        assert 0 <= precision_at(outcomes=found.values(), k=k) <= 1

    @settings(deadline=None)
    @given(arms, st.integers(min_value=1, max_value=15), accounts)
    def test_one_more_success_never_lowers_it(self, found, k, account):
        if account not in found or found[account].positive is not False:
            return
        better = found | {account: replace(found[account], positive=True)}

        assert precision_at(outcomes=better.values(), k=k) >= precision_at(outcomes=found.values(), k=k)

    @settings(deadline=None)
    @given(arms)
    def test_the_ranking_falls_by_intent(self, found):
        intents = [ranked.intent for ranked in rank_outcomes(found.values())]

        assert intents == sorted(intents, reverse=True)


class TestBootstrap:
    @settings(max_examples=40, deadline=None)
    @given(arms, arms, st.integers(min_value=1, max_value=8), st.integers(min_value=0))
    def test_swapping_the_arms_mirrors_every_interval(self, before, after, k, seed):
        there = bootstrap_differences(champion=before, challenger=after, k=k, seed=seed, resamples=80)
        back = bootstrap_differences(champion=after, challenger=before, k=k, seed=seed, resamples=80)

        for name, interval in there.items():
            mirrored = Interval(-back[name].estimate, -back[name].high, -back[name].low)
            assert interval == mirrored

    @settings(max_examples=40, deadline=None)
    @given(arms, st.integers(min_value=0))
    def test_arms_that_decide_alike_differ_by_exactly_nothing(self, found, seed):
        differences = bootstrap_differences(champion=found, challenger=found, k=3, seed=seed, resamples=80)

        assert set(differences.values()) == {Interval(0, 0, 0)}

    @settings(max_examples=40, deadline=None)
    @given(arms, arms, st.integers(min_value=0))
    def test_the_seed_fixes_the_result_and_the_bounds_are_in_order(self, before, after, seed):
        first = bootstrap_differences(champion=before, challenger=after, k=3, seed=seed, resamples=80)
        again = bootstrap_differences(
            champion=dict(reversed(before.items())), challenger=after, k=3, seed=seed, resamples=80
        )

        assert first == again
        assert all(interval.low <= interval.high for interval in first.values())

    @given(arms, arms, st.integers(min_value=1, max_value=8))
    @settings(max_examples=40, deadline=None)
    def test_the_estimate_is_the_plain_difference(self, before, after, k):
        found = bootstrap_differences(champion=before, challenger=after, k=k, seed=1, resamples=10)

        plain = precision_at(outcomes=after.values(), k=k) - precision_at(outcomes=before.values(), k=k)
        assert found["precision_at_k"].estimate == pytest.approx(plain)
        assert found["actions"].estimate == summarise(after)["actions"] - summarise(before)["actions"]

    def test_a_true_difference_in_many_accounts_is_found(self):
        before = arm([outcome(f"a{n}", positive=n % 4 == 0) for n in range(200)])
        after = arm([outcome(f"a{n}", positive=True) for n in range(200)])

        found = bootstrap_differences(champion=before, challenger=after, k=200, seed=7)

        assert found["precision_at_k"].low > 0.5


class TestVerdict:
    def decide(self, before, after, k=400):
        differences = bootstrap_differences(champion=before, challenger=after, k=k, seed=3, resamples=300)
        return decide_verdict(differences=differences, champion=before, challenger=after)

    def test_few_positive_accounts_are_never_enough(self):
        before = arm([outcome(f"a{n}", positive=False) for n in range(400)])
        after = arm([outcome(f"a{n}", positive=n < MIN_POSITIVE_ACCOUNTS - 1) for n in range(400)])

        verdict, reasons = self.decide(before, after)

        assert verdict is Verdict.INSUFFICIENT_EVIDENCE
        assert reasons == ["too_few_positive_accounts"]

    def test_a_better_precision_at_no_cost_ships(self):
        before = arm([outcome(f"a{n}", positive=False) for n in range(200)])
        after = arm([outcome(f"b{n}") for n in range(200)])

        assert self.decide(before, after, k=200)[0] is Verdict.SHIP

    def test_no_difference_does_not_ship(self):
        same = arm([outcome(f"a{n}") for n in range(200)])

        assert self.decide(same, same) == (Verdict.DO_NOT_SHIP, ["precision_not_better"])

    def test_a_flood_of_false_alarms_does_not_ship(self):
        before = arm([outcome(f"a{n}") for n in range(50)])
        more = [outcome(f"a{n}") for n in range(100)]
        flood = [outcome(f"f{n}", positive=False, intent=71) for n in range(400)]

        verdict, reasons = self.decide(before, arm(more + flood), k=100)

        assert verdict is Verdict.DO_NOT_SHIP
        assert set(reasons) == {"actions_may_grow_too_much", "false_alarms_may_grow_too_much"}

    @settings(deadline=None)
    @given(arms, arms)
    def test_an_account_is_positive_once_whichever_arm_found_it(self, before, after):
        positive = {key for found in (before, after) for key, one in found.items() if one.positive}

        assert count_positive_accounts(before, after) == len(positive)
