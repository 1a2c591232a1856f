"""How well a ranking agrees with what came afterwards: pure arithmetic, no Django.

Every statistic takes a weight for each account, which says how often the account was drawn into a
bootstrap sample; all ones give the statistic itself. The account is the cluster: what happens to
one account's deals hangs together.

Source: Kendall 1945, "The treatment of ties in ranking problems" (τ-b); Hanley and McNeil 1982 (the
area under the ROC curve is the share of pairs in the right order, ties half); Field and Welsh 2007
(resampling whole clusters).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import add, itemgetter, mul

from laboratory.comparison import Interval, make_interval, resample

Weights = Sequence[int]
Statistic = Callable[[Weights], Mapping[str, float]]
_Rows = list[list[int]]


class Agreement:
    """Kendall's τ-b of two values of the same accounts."""

    def __init__(self, first: Sequence[float], second: Sequence[float]) -> None:
        """Compare every pair of accounts once."""
        self._both = _orders(first, second)
        self._first = _orders(first, first)
        self._second = _orders(second, second)

    def tau_b(self, weights: Weights) -> float:
        """Return τ-b, -1 to 1; not a number when one side is all ties."""
        untied = _pair_sum(self._first, weights) * _pair_sum(self._second, weights)
        return _pair_sum(self._both, weights) / math.sqrt(untied) if untied else math.nan


def _orders(first: Sequence[float], second: Sequence[float]) -> _Rows:
    """Return, for each pair of an account with an earlier one, 1 same order, -1 opposite, 0 a tie."""
    return [
        [_sign(x - before) * _sign(y - other) for before, other in zip(first[:n], second[:n], strict=True)]
        for n, (x, y) in enumerate(zip(first, second, strict=True))
    ]


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _pair_sum(rows: Iterable[Sequence[float]], weights: Weights) -> float:
    """Return the sum over all pairs given, each as often as both its accounts were drawn together."""
    drawn = ((row, weight) for row, weight in zip(rows, weights, strict=True) if weight)
    return float(sum(weight * sum(map(mul, row, weights)) for row, weight in drawn))


class Separation:
    """The area under the ROC curve of cases, several an account, that ended well or badly."""

    def __init__(self, cases: Iterable[tuple[int, float, bool]], *, accounts: int) -> None:
        """Take each case's account (0 to `accounts` - 1), score, and whether it ended well."""
        self._good, self._bad = [0] * accounts, [0] * accounts
        self._wins = [[0.0] * accounts for _ in range(accounts)]  # of the row's bad over the column's good
        for _, tied in groupby(sorted(cases, key=itemgetter(1), reverse=True), key=itemgetter(1)):
            self._add(list(tied))

    def _add(self, tied: list[tuple[int, float, bool]]) -> None:
        """Count the cases of one score: good ones above beat the bad ones here, good ones here half."""
        above = list(self._good)
        for account, _, well in tied:
            self._good[account] += well
        beaten = [(before + after) / 2 for before, after in zip(above, self._good, strict=True)]
        for account, _, well in tied:
            if not well:
                self._bad[account] += 1
                self._wins[account] = list(map(add, self._wins[account], beaten))

    def area(self, weights: Weights) -> float:
        """Return the area, 0 to 1; not a number without a good and a bad case."""
        pairs = sum(map(mul, self._good, weights)) * sum(map(mul, self._bad, weights))
        return _pair_sum(self._wins, weights) / pairs if pairs else math.nan


class Lift:
    """How much more the highest ranked accounts came to than the average account."""

    def __init__(self, scores: Sequence[float], gains: Sequence[float], *, top: int) -> None:
        """Rank accounts by falling score; `gains` is what each came to afterwards."""
        order = sorted(range(len(scores)), key=lambda n: -scores[n])
        self._tiers = [list(tier) for _, tier in groupby(order, key=lambda n: scores[n])]
        self._gains, self._top = gains, top

    def lift(self, weights: Weights) -> float:
        """Return mean gain of the first `top` over the mean of all; not a number when nothing was gained.

        Accounts that tie at the edge share the places that are left.
        """
        free, gained = self._top, 0.0
        for tier in self._tiers:
            size = sum(weights[n] for n in tier)
            taken = min(size, free)
            if taken:
                gained += taken / size * sum(weights[n] * self._gains[n] for n in tier)
                free -= taken
        everything, drawn = sum(map(mul, self._gains, weights)), sum(weights)
        taken = self._top - free
        return gained / taken / (everything / drawn) if everything and taken else math.nan


def bootstrap(statistic: Statistic, *, accounts: int, seed: int, resamples: int) -> dict[str, Interval]:
    """Return each number that `statistic` gives, with its 95 % interval over resampled accounts.

    Samples in which a number is undefined are left out of its interval; an undefined number, or one
    without any sample, has an interval of not-a-number.
    """
    estimate = statistic([1] * accounts)
    draws = [statistic(weights) for weights in resample(accounts, seed=seed, resamples=resamples)]
    found: dict[str, Interval] = {}
    for name, value in estimate.items():
        defined = [draw[name] for draw in draws if not math.isnan(draw[name])]
        known = defined and not math.isnan(value)
        found[name] = make_interval(value, defined) if known else Interval(value, math.nan, math.nan)
    return found
