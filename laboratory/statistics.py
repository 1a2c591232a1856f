"""How well a ranking agrees with what came afterwards: pure arithmetic, no Django.

Every statistic takes a weight for each account, which says how often the account was drawn into a
bootstrap sample; all ones give the statistic itself. The account is the cluster: what happens to
one account's deals hangs together.

Source: Kendall 1945, "The treatment of ties in ranking problems" (τ-b); Hanley and McNeil 1982 (the
area under the ROC curve is the share of pairs in the right order, ties half); Field and Welsh 2007
(resampling whole clusters).
"""

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import add, itemgetter, mul

from laboratory.comparison import Interval, make_interval, resample

Weights = Sequence[int]
Statistic = Callable[[Weights], Mapping[str, float]]
MAX_ACCOUNTS = 5_000  # pairs grow with the square: 12 MB each two values

_Rows = list["array[int]"]


class TooManyAccounts(ValueError):
    """Comparing every pair of so many accounts would take more memory than a machine should give."""

    def __init__(self, accounts: int) -> None:
        """Say how many there are."""
        super().__init__(
            f"{accounts:,} accounts are too many to compare every pair of; {MAX_ACCOUNTS:,} is the most."
        )


class Agreements:
    """Kendall's τ-b of several values with several others of the same accounts, each with each."""

    def __init__(self, firsts: Mapping[str, Sequence[float]], seconds: Mapping[str, Sequence[float]]) -> None:
        """Compare every pair of accounts once a value, and once each two. Raises: TooManyAccounts."""
        self._firsts = {name: _orders(values, values) for name, values in firsts.items()}
        self._seconds = {name: _orders(values, values) for name, values in seconds.items()}
        self._both = {
            (first, second): _orders(firsts[first], seconds[second]) for first in firsts for second in seconds
        }

    def tau_b(self, weights: Weights) -> dict[tuple[str, str], float]:
        """Return τ-b of each two, -1 to 1; not a number when one side is all ties."""
        firsts = {name: _pair_sum(rows, weights, weights) for name, rows in self._firsts.items()}
        seconds = {name: _pair_sum(rows, weights, weights) for name, rows in self._seconds.items()}
        found = {}
        for (first, second), rows in self._both.items():
            untied = firsts[first] * seconds[second]
            agreed = _pair_sum(rows, weights, weights)
            found[first, second] = agreed / math.sqrt(untied) if untied else math.nan
        return found


def _orders(first: Sequence[float], second: Sequence[float]) -> _Rows:
    """Return, for each pair of an account with an earlier one, 1 same order, -1 opposite, 0 a tie.

    A byte a pair. Raises: TooManyAccounts.
    """
    _check_number(len(first))
    return [
        array(
            "b",
            [
                _sign(x - before) * _sign(y - other)
                for before, other in zip(first[:n], second[:n], strict=True)
            ],
        )
        for n, (x, y) in enumerate(zip(first, second, strict=True))
    ]


def _check_number(accounts: int) -> None:
    if accounts > MAX_ACCOUNTS:
        raise TooManyAccounts(accounts)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _pair_sum(rows: Iterable[Iterable[float]], of_rows: Weights, weights: Weights) -> float:
    """Return the sum over all pairs given, each as often as both its accounts were drawn together."""
    drawn = ((row, weight) for row, weight in zip(rows, of_rows, strict=True) if weight)
    return float(sum(weight * sum(map(mul, row, weights)) for row, weight in drawn))


class Separation:
    """The area under the ROC curve of cases, several an account, that ended well or badly."""

    def __init__(self, cases: Iterable[tuple[int, float, bool]], *, accounts: int) -> None:
        """Take each case's account (0 to `accounts` - 1), score, and whether it ended well.

        Raises: TooManyAccounts.
        """
        _check_number(accounts)
        self._good, self._bad = [0] * accounts, [0] * accounts
        # Of the row's bad over the column's good; only accounts with a bad case have a row.
        self._wins: dict[int, array[float]] = {}
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
                known = self._wins.get(account)
                self._wins[account] = array("d", map(add, known, beaten) if known else beaten)

    def area(self, weights: Weights) -> float:
        """Return the area, 0 to 1; not a number without a good and a bad case."""
        pairs = sum(map(mul, self._good, weights)) * sum(map(mul, self._bad, weights))
        won = _pair_sum(self._wins.values(), [weights[account] for account in self._wins], weights)
        return won / pairs if pairs else math.nan


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
