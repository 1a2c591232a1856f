"""Statistics of rankings against known values, and weights against writing accounts out."""

import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laboratory.statistics import MAX_ACCOUNTS, Agreements, Lift, Separation, TooManyAccounts, bootstrap

LEVELS = st.integers(0, 4).map(float)
ACCOUNT = st.tuples(LEVELS, LEVELS, st.booleans(), st.integers(0, 3))


def tau(first, second):
    agreements = Agreements({"first": first}, {"second": second})
    return lambda weights: agreements.tau_b(weights)["first", "second"]


class TestKnownValues:
    def test_tau_b_with_ties_on_both_sides(self):
        # The example of scipy.stats.kendalltau.
        assert tau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])([1] * 5) == pytest.approx(-0.47140452079103173)

    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [([1, 2, 3, 4], [10, 20, 30, 40], 1.0), ([1, 2, 3, 4], [4, 3, 2, 1], -1.0)],
    )
    def test_tau_b_of_equal_and_opposite_orders(self, first, second, expected):
        assert tau(first, second)([1] * 4) == pytest.approx(expected)

    def test_tau_b_of_all_ties_is_undefined(self):
        assert math.isnan(tau([1, 1, 1], [1, 2, 3])([1] * 3))

    def test_area_under_the_curve(self):
        # The example of sklearn.metrics.roc_auc_score.
        cases = [(0, 0.1, False), (1, 0.4, False), (2, 0.35, True), (3, 0.8, True)]

        assert Separation(cases, accounts=4).area([1] * 4) == pytest.approx(0.75)

    def test_area_of_all_ties_is_a_half_and_of_one_kind_undefined(self):
        tied = [(0, 1.0, True), (0, 1.0, False), (1, 1.0, True)]

        assert Separation(tied, accounts=2).area([1, 1]) == pytest.approx(0.5)
        assert math.isnan(Separation([(0, 1.0, True)], accounts=1).area([1]))

    def test_lift_is_the_mean_of_the_top_over_the_mean_of_all(self):
        assert Lift([4, 3, 2, 1], [6, 2, 0, 0], top=2).lift([1] * 4) == pytest.approx(4 / 2)

    def test_accounts_that_tie_at_the_edge_share_the_places(self):
        assert Lift([2, 1, 1], [0, 6, 0], top=2).lift([1] * 3) == pytest.approx(1.5 / 2)


class TestSize:
    def test_more_accounts_than_fit_are_refused_before_they_are_compared(self):
        values = [0.0] * (MAX_ACCOUNTS + 1)

        for make in (lambda: tau(values, values), lambda: Separation([], accounts=len(values))):
            with pytest.raises(TooManyAccounts, match="5,001"):
                make()

    def test_pairs_take_a_byte_each(self):
        values, several = [float(n) for n in range(300)], {str(n): [1.0 * n] * 300 for n in range(3)}
        tracemalloc.start()

        kept = Agreements(several, {"a": values, "b": values})
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert kept.tau_b([1] * 300)
        assert size < 2 * 11 * 300 * 300 / 2 + 11 * 300 * 100


class TestWeights:
    @given(st.lists(ACCOUNT, min_size=2, max_size=7))
    def test_an_account_of_weight_two_counts_as_two_accounts(self, accounts):
        weights = [weight for *_, weight in accounts]
        written_out = [(x, y, well) for x, y, well, weight in accounts for _ in range(weight)]
        for make in (make_tau, make_lift, make_area):
            assert same(make(accounts)(weights), make(written_out)([1] * len(written_out)))


def make_tau(accounts):
    return tau([a[0] for a in accounts], [a[1] for a in accounts])


def make_lift(accounts):
    return Lift([a[0] for a in accounts], [a[1] for a in accounts], top=3).lift


def make_area(accounts):
    cases = [(number, a[0], a[2]) for number, a in enumerate(accounts)]
    return Separation(cases, accounts=len(accounts)).area


def same(first, second):
    return (math.isnan(first) and math.isnan(second)) or first == pytest.approx(second)


class TestBootstrap:
    def test_the_same_seed_gives_the_same_interval_around_the_estimate(self):
        tau_of = tau([1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 4, 3, 6, 5, 8, 7])

        def measure(weights):
            return {"tau": tau_of(weights)}

        [first, again, other] = [
            bootstrap(measure, accounts=8, seed=seed, resamples=300)["tau"] for seed in (1, 1, 2)
        ]

        assert first == again != other
        assert first.low < first.estimate < first.high <= 1

    def test_what_is_undefined_has_no_interval(self):
        found = bootstrap(lambda weights: {"x": math.nan}, accounts=3, seed=1, resamples=10)["x"]

        assert all(math.isnan(value) for value in (found.estimate, found.low, found.high))
