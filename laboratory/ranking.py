"""Rank accounts by the score at past instants and hold the ranking against what came next. Pure.

Nothing looks ahead: a ranking as of an instant is made of what had occurred by then, and what it is held
against lies after it. A closed deal is judged by the score just before the instant at which it closed, so
neither its own end nor anything of the same instant is part of its score.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from contexts import scoring
from contexts.scoring import DecayConfigData, ScoreState, WeightConfigData
from laboratory.comparison import Interval
from laboratory.statistics import Agreements, Lift, Separation, Weights, bootstrap

WON, LOST = "opportunity_won", "opportunity_lost"
PRODUCT, COUNT, LINEAR = "product", "count", "linear"
SCORERS = (PRODUCT, COUNT, LINEAR)
TARGETS = ("deals", "value")
COUNTED = timedelta(days=30)
JUST_BEFORE = timedelta(microseconds=1)


class PastSignal(NamedTuple):
    """One signal of an account's past; `value` is what a deal that closed was worth, else 0."""

    type: str
    stage: str
    person: str
    occurred_at: datetime
    strength: float
    value: float


Histories = Mapping[str, Sequence[PastSignal]]  # per account, the oldest first


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What to score with and how to compare; `top` accounts, `resamples` of the bootstrap."""

    decay: DecayConfigData
    weight: WeightConfigData
    top: int
    seed: int
    resamples: int


@dataclass(frozen=True, kw_only=True)
class RankingResult:
    """One ranking against the deals won after `as_of` and up to `until`.

    `numbers` are named `<tau|lift>.<deals|value>.<scorer>`; `….product-<baseline>` is a difference.
    """

    as_of: datetime
    until: datetime
    accounts: int
    deals: int
    value: float
    numbers: Mapping[str, Interval]


@dataclass(frozen=True, kw_only=True)
class OutcomeResult:
    """Closed deals by the score just before they closed; `numbers` are named `auc.<scorer>`."""

    won: int
    lost: int
    accounts: int
    numbers: Mapping[str, Interval]


class _Account:
    """An account's past, walked forward in time."""

    def __init__(self, signals: Sequence[PastSignal], setup: Setup) -> None:
        self._signals, self._setup = signals, setup
        self._times = [signal.occurred_at for signal in signals]
        self._state, self._done = ScoreState(), 0

    def scores(self, at: datetime) -> dict[str, float] | None:
        """Return what every scorer says by what had occurred by `at`; None before the first signal.

        Instants must be asked for in rising order.
        """
        known = bisect_right(self._times, at)
        for signal in self._signals[self._done : known]:
            self._state.add(_place(signal, self._setup.decay))
        self._done = known
        if not known:
            return None
        decay, weight = self._setup.decay, self._setup.weight
        return {
            PRODUCT: scoring.score(self._state.buckets(), decay=decay, weight=weight, at=at).intent,
            COUNT: float(known - bisect_right(self._times, at - COUNTED)),
            LINEAR: sum(_linear(signal, at, self._setup) for signal in self._signals[:known]),
        }


def _place(signal: PastSignal, decay: DecayConfigData) -> scoring.Bucket:
    return scoring.place(
        signal_type=signal.type,
        stage=signal.stage,
        person=signal.person,
        occurred_at=signal.occurred_at,
        strength=signal.strength,
        decay=decay,
    )


def _linear(signal: PastSignal, at: datetime, setup: Setup) -> float:
    """Return weight × strength, halved after one half-life and gone after two; neither caps nor damping."""
    half_life = setup.decay.half_life_micros(signal.type)
    age = scoring.to_micros(at) - scoring.to_micros(signal.occurred_at)
    left = max(1.0 - age / (2 * half_life), 0.0)
    weight = setup.weight
    return left * weight.weight(signal.type) * signal.strength * weight.stage_strength(signal.stage)


def score_accounts(histories: Histories, *, at: datetime, setup: Setup) -> dict[str, dict[str, float]]:
    """Return, for each account with a signal by `at`, what every scorer says of it then."""
    scored = {account: _Account(past, setup).scores(at) for account, past in histories.items()}
    return {account: scores for account, scores in scored.items() if scores is not None}


def rank_accounts(histories: Histories, *, as_of: datetime, until: datetime, setup: Setup) -> RankingResult:
    """Rank the accounts known by `as_of` and compare with the deals that they won until `until`.

    Raises: ValueError when no account has a signal by `as_of`, too many have one, or `until` is not after it.
    """
    if until <= as_of:
        raise ValueError("what a ranking is held against must lie after it.")
    scored = score_accounts(histories, at=as_of, setup=setup)
    if not scored:
        raise ValueError(f"no account has a signal by {as_of.isoformat()}.")
    known = [(scores, _won(histories[account], as_of, until)) for account, scores in scored.items()]
    gains = {
        "deals": [float(len(won)) for _, won in known],
        "value": [sum(signal.value for signal in won) for _, won in known],
    }
    columns = {scorer: [scores[scorer] for scores, _ in known] for scorer in SCORERS}
    return RankingResult(
        as_of=as_of,
        until=until,
        accounts=len(known),
        deals=sum(len(won) for _, won in known),
        value=sum(gains["value"]),
        numbers=_compare_rankings(columns, gains, setup),
    )


def _won(past: Sequence[PastSignal], after: datetime, until: datetime) -> list[PastSignal]:
    return [signal for signal in past if signal.type == WON and after < signal.occurred_at <= until]


def _compare_rankings(
    columns: Mapping[str, list[float]], gains: Mapping[str, list[float]], setup: Setup
) -> dict[str, Interval]:
    pairs = [(scorer, target) for scorer in SCORERS for target in TARGETS]
    agreements = Agreements(columns, gains)
    lifts = {pair: Lift(columns[pair[0]], gains[pair[1]], top=setup.top) for pair in pairs}

    def measure(weights: Weights) -> dict[str, float]:
        taus = agreements.tau_b(weights)
        found = {f"tau.{target}.{scorer}": taus[scorer, target] for scorer, target in pairs}
        found |= {f"lift.{target}.{scorer}": lifts[scorer, target].lift(weights) for scorer, target in pairs}
        return _with_differences(found)

    size = len(columns[PRODUCT])
    return bootstrap(measure, accounts=size, seed=setup.seed, resamples=setup.resamples)


def _with_differences(found: dict[str, float]) -> dict[str, float]:
    """Add the product's lead over each baseline, taken in the same sample."""
    heads = sorted({name.rpartition(".")[0] for name in found})
    leads = {
        f"{head}.{PRODUCT}-{other}": found[f"{head}.{PRODUCT}"] - found[f"{head}.{other}"]
        for head in heads
        for other in (COUNT, LINEAR)
    }
    return found | leads


def separate_outcomes(histories: Histories, *, setup: Setup) -> OutcomeResult:
    """Tell whether deals that were won had the higher scores just before they closed.

    Deals that close before anything else was known of their account have no score and are left out.
    Raises: ValueError when there are too many accounts.
    """
    cases = [
        (number, scores, signal.type == WON)
        for number, past in enumerate(histories.values())
        for signal, scores in _list_closings(past, setup)
    ]
    separations = {
        scorer: Separation(
            [(number, scores[scorer], won) for number, scores, won in cases], accounts=len(histories)
        )
        for scorer in SCORERS
    }

    def measure(weights: Weights) -> dict[str, float]:
        return _with_differences({f"auc.{name}": found.area(weights) for name, found in separations.items()})

    won = sum(well for _, _, well in cases)
    return OutcomeResult(
        won=won,
        lost=len(cases) - won,
        accounts=len({number for number, _, _ in cases}),
        numbers=bootstrap(measure, accounts=len(histories), seed=setup.seed, resamples=setup.resamples),
    )


def _list_closings(past: Sequence[PastSignal], setup: Setup) -> Iterator[tuple[PastSignal, dict[str, float]]]:
    account = _Account(past, setup)
    at, scores = None, None
    for signal in past:
        if signal.type in {WON, LOST}:
            if signal.occurred_at != at:
                at = signal.occurred_at
                scores = account.scores(at - JUST_BEFORE)
            if scores is not None:
                yield signal, scores
