"""Compare two configurations over the same replayed signals: pure arithmetic, no Django.

Both arms saw the same signals of the same accounts, so every difference is paired: an account
drawn into a bootstrap sample brings its result under both arms. The account is the cluster,
because crossings of one account are not independent of each other.

Source: Miller 2024, "Adding error bars to evals" (paired differences, clustering); Efron and
Tibshirani 1993, ch. 13 (percentile intervals); Spotify's rule that a change ships when a success
metric improves and every guardrail is non-inferior.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HORIZON = timedelta(days=30)
RESAMPLES = 2_000
CONFIDENCE = 0.95
MIN_POSITIVE_ACCOUNTS = 30
# The share by which actions and false alarms may grow before a better precision no longer pays.
GUARDRAIL_MARGIN = 0.25


class Verdict(StrEnum):
    """What the evidence allows."""

    SHIP = "SHIP"
    DO_NOT_SHIP = "DO_NOT_SHIP"
    INSUFFICIENT_EVIDENCE = "INSUFFICIENT_EVIDENCE"


@dataclass(frozen=True)
class Crossing:
    """An account's intent rose over the threshold: the decision to act."""

    account_id: str
    signal_id: str
    at: datetime
    intent: float


@dataclass(frozen=True)
class Outcome:
    """What followed an account's first crossing under one arm.

    Attributes:
        actions: crossings in the window, at least 1.
        positive: a deal advanced within the horizon; None when the horizon had not ended by
            the time that the replay knows, so nobody can tell yet.
    """

    account_id: str
    at: datetime
    intent: float
    actions: int
    positive: bool | None
    lead: timedelta | None


@dataclass(frozen=True)
class Interval:
    """A paired difference, challenger minus champion, with its percentile interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Flips:
    """Accounts by which arms made them cross; each list is sorted."""

    gained: list[str]
    lost: list[str]
    kept: list[str]


@dataclass(frozen=True)
class _Arm:
    """One arm, laid out for resampling: positions are indexes into the sorted account list."""

    ranked: list[tuple[int, bool]]
    actions: list[int]
    false_alarms: list[int]


def judge_crossings(
    *,
    crossings: Iterable[Crossing],
    advances: Mapping[str, Sequence[datetime]],
    known_at: datetime,
    horizon: timedelta = HORIZON,
) -> dict[str, Outcome]:
    """Return each crossing account's outcome, counted from its first crossing.

    An advance at the very time of the crossing doesn't count: it may be what caused it.
    """
    by_account: dict[str, list[Crossing]] = {}
    for crossing in crossings:
        by_account.setdefault(crossing.account_id, []).append(crossing)
    return {
        account_id: _judge(own, advances.get(account_id, ()), known_at, horizon)
        for account_id, own in sorted(by_account.items())
    }


def _judge(
    own: list[Crossing], advances: Sequence[datetime], known_at: datetime, horizon: timedelta
) -> Outcome:
    first = min(own, key=lambda crossing: (crossing.at, crossing.signal_id))
    after = [at for at in advances if first.at < at <= min(first.at + horizon, known_at)]
    ended = first.at + horizon <= known_at
    return Outcome(
        account_id=first.account_id,
        at=first.at,
        intent=first.intent,
        actions=len(own),
        positive=True if after else (False if ended else None),
        lead=min(after) - first.at if after else None,
    )


def list_flips(*, champion: Iterable[str], challenger: Iterable[str]) -> Flips:
    """Split the accounts that cross under either arm by which arm they cross under."""
    before, after = set(champion), set(challenger)
    return Flips(gained=sorted(after - before), lost=sorted(before - after), kept=sorted(before & after))


def rank_outcomes(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes that can be judged, in the order in which a reviewer would take them."""
    judged = [outcome for outcome in outcomes if outcome.positive is not None]
    return sorted(judged, key=lambda outcome: (-outcome.intent, outcome.at, outcome.account_id))


def precision_at(*, outcomes: Iterable[Outcome], k: int) -> float:
    """Return the share of `k` review slots that went to accounts whose deal then advanced.

    An unused slot counts as a miss, so an arm doesn't win by staying silent.

    Raises:
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}.")
    return sum(1 for outcome in rank_outcomes(outcomes)[:k] if outcome.positive) / k


def bootstrap_differences(
    *,
    champion: Mapping[str, Outcome],
    challenger: Mapping[str, Outcome],
    k: int,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Return paired account-cluster intervals of precision@k, actions and false alarms.

    Only accounts that cross under an arm are drawn: the others add nothing to either side.
    """
    accounts = sorted(champion.keys() | challenger.keys())
    before, after = _lay_out(accounts, champion), _lay_out(accounts, challenger)
    estimate = _differences(before, after, [1] * len(accounts), k)
    if not accounts:
        return {name: Interval(value, value, value) for name, value in estimate.items()}
    drawn = resample(len(accounts), seed=seed, resamples=resamples)
    draws = [_differences(before, after, weights, k) for weights in drawn]
    return {name: make_interval(value, [draw[name] for draw in draws]) for name, value in estimate.items()}


def _lay_out(accounts: list[str], outcomes: Mapping[str, Outcome]) -> _Arm:
    position = {account_id: index for index, account_id in enumerate(accounts)}
    found = [outcomes.get(account_id) for account_id in accounts]
    return _Arm(
        ranked=[(position[o.account_id], bool(o.positive)) for o in rank_outcomes(outcomes.values())],
        actions=[outcome.actions if outcome else 0 for outcome in found],
        false_alarms=[int(outcome is not None and outcome.positive is False) for outcome in found],
    )


def resample(size: int, *, seed: int, resamples: int) -> Iterable[list[int]]:
    """Yield how often each of `size` accounts was drawn, with replacement; the same seed, the same draws."""
    source = random.Random(seed)  # noqa: S311 - reproducible, not secret
    positions = range(size)
    for _ in range(resamples):
        weights = [0] * size
        for position in source.choices(positions, k=size):
            weights[position] += 1
        yield weights


def _differences(before: _Arm, after: _Arm, weights: list[int], k: int) -> dict[str, float]:
    return {
        "precision_at_k": (_hits(after, weights, k) - _hits(before, weights, k)) / k,
        "actions": float(_total(after.actions, weights) - _total(before.actions, weights)),
        "false_alarms": float(_total(after.false_alarms, weights) - _total(before.false_alarms, weights)),
    }


def _hits(arm: _Arm, weights: list[int], k: int) -> int:
    free, hits = k, 0
    for position, positive in arm.ranked:
        taken = min(weights[position], free)
        free -= taken
        hits += taken if positive else 0
        if not free:
            break
    return hits


def _total(values: list[int], weights: list[int]) -> int:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def make_interval(estimate: float, draws: Sequence[float]) -> Interval:
    """Return the percentile interval of at least one bootstrap draw around an estimate."""
    ordered = sorted(draws)
    tail = math.floor(len(ordered) * (1 - CONFIDENCE) / 2)
    return Interval(estimate, ordered[tail], ordered[-1 - tail])


def decide_verdict(
    *,
    differences: Mapping[str, Interval],
    champion: Mapping[str, Outcome],
    challenger: Mapping[str, Outcome],
) -> tuple[Verdict, list[str]]:
    """Return the verdict and its reasons, as codes.

    Ship when precision@k improves beyond doubt and neither actions nor false alarms may have
    grown by more than the margin.
    """
    positives = count_positive_accounts(champion, challenger)
    if positives < MIN_POSITIVE_ACCOUNTS:
        return Verdict.INSUFFICIENT_EVIDENCE, ["too_few_positive_accounts"]
    reasons = [] if differences["precision_at_k"].low > 0 else ["precision_not_better"]
    totals = summarise(champion)
    reasons += [
        f"{name}_may_grow_too_much"
        for name in ("actions", "false_alarms")
        if differences[name].high > GUARDRAIL_MARGIN * max(totals[name], 1)
    ]
    return (Verdict.DO_NOT_SHIP, reasons) if reasons else (Verdict.SHIP, ["precision_better"])


def count_positive_accounts(*arms: Mapping[str, Outcome]) -> int:
    """Count the accounts whose deal advanced after a crossing under any arm."""
    return len({outcome.account_id for arm in arms for outcome in arm.values() if outcome.positive})


def summarise(outcomes: Mapping[str, Outcome]) -> dict[str, int]:
    """Count one arm's actions, accounts, hits, false alarms and censored accounts."""
    found = list(outcomes.values())
    return {
        "actions": sum(outcome.actions for outcome in found),
        "accounts": len(found),
        "hits": sum(outcome.positive is True for outcome in found),
        "false_alarms": sum(outcome.positive is False for outcome in found),
        "censored": sum(outcome.positive is None for outcome in found),
    }
