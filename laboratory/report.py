"""What a run has to say, as plain JSON values: the same decisions give the same bytes. Pure."""

import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from laboratory.comparison import (
    CONFIDENCE,
    HORIZON,
    RESAMPLES,
    Crossing,
    Interval,
    Outcome,
    bootstrap_differences,
    count_positive_accounts,
    decide_verdict,
    judge_crossings,
    list_flips,
    precision_at,
    summarise,
)

FLIPS_LISTED = 200


def canonical_json(value: Any) -> bytes:
    """Return the one byte form of a JSON value: sorted keys, no spaces, finite numbers only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON value's canonical bytes, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def build_report(
    *,
    champion: Iterable[Crossing],
    challenger: Iterable[Crossing],
    advances: Mapping[str, Sequence[datetime]],
    peaks: Mapping[str, tuple[float, float]],
    known_at: datetime,
    k: int,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Compare the arms and return metrics, flips and verdict as plain JSON values.

    `advances` are the times at which each account's deals advanced, `peaks` each account's highest
    intent (0…100) under champion and challenger, `k` the review capacity in accounts, at least 1.
    """
    before = judge_crossings(crossings=champion, advances=advances, known_at=known_at)
    after = judge_crossings(crossings=challenger, advances=advances, known_at=known_at)
    differences = bootstrap_differences(
        champion=before, challenger=after, k=k, seed=seed, resamples=resamples
    )
    verdict, reasons = decide_verdict(differences=differences, champion=before, challenger=after)
    return {
        "arms": {"champion": _describe(before, k), "challenger": _describe(after, k)},
        "differences": {name: _rounded(interval) for name, interval in differences.items()},
        "flips": _describe_flips(before, after, peaks),
        "k": k,
        "horizon_days": HORIZON.days,
        "resamples": resamples,
        "confidence": CONFIDENCE,
        "positive_accounts": count_positive_accounts(before, after),
        "verdict": verdict.value,
        "reasons": reasons,
    }


def _describe(outcomes: Mapping[str, Outcome], k: int) -> dict[str, Any]:
    leads = [outcome.lead / timedelta(days=1) for outcome in outcomes.values() if outcome.lead]
    return summarise(outcomes) | {
        "precision_at_k": round(precision_at(outcomes=outcomes.values(), k=k), 6),
        "median_lead_days": round(statistics.median(leads), 6) if leads else None,
    }


def _rounded(interval: Interval) -> dict[str, float]:
    return {
        "estimate": round(interval.estimate, 6),
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
    }


def _describe_flips(
    before: Mapping[str, Outcome], after: Mapping[str, Outcome], peaks: Mapping[str, tuple[float, float]]
) -> dict[str, Any]:
    flips = list_flips(champion=before, challenger=after)
    listed = [("gained", after[account_id]) for account_id in flips.gained]
    listed += [("lost", before[account_id]) for account_id in flips.lost]
    listed.sort(key=lambda flip: (-_gap(peaks[flip[1].account_id]), flip[1].account_id))
    return {
        "gained": len(flips.gained),
        "lost": len(flips.lost),
        "kept": len(flips.kept),
        "accounts": [
            _describe_flip(direction, outcome, peaks[outcome.account_id])
            for direction, outcome in listed[:FLIPS_LISTED]
        ],
    }


def _gap(peaks: tuple[float, float]) -> float:
    return abs(peaks[1] - peaks[0])


def _describe_flip(direction: str, outcome: Outcome, peaks: tuple[float, float]) -> dict[str, Any]:
    return {
        "account_id": outcome.account_id,
        "direction": direction,
        "at": outcome.at.isoformat(),
        "champion_peak": round(peaks[0], 6),
        "challenger_peak": round(peaks[1], 6),
        "positive": outcome.positive,
    }
