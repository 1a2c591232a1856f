"""When does decaying evidence fall to a level? Pure: no Django, no clock, no I/O."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from contexts.scoring_config import WeightConfigData

NEWTON_STEPS = 80
TIME_TOLERANCE = 1e-4  # seconds


class Stream(NamedTuple):
    """Decayed strength S of one type and person at the score's instant; half-life in seconds."""

    type: str
    person: str
    strength: float
    half_life: float
    latest: int


def seconds_until(streams: Sequence[Stream], weight: WeightConfigData, target: float) -> float:
    """Return the seconds x ≥ 0 with R(x) = target; R falls strictly and R(0) ≥ target > 0."""
    start, _ = _evaluate(streams, weight, 0.0)
    if start <= target:
        return 0.0
    linear = sum(s.strength * weight.weight(s.type) / weight.saturation(s.type) for s in streams)
    low = min(s.half_life for s in streams) * math.log2(start / target)
    high = max(s.half_life for s in streams) * math.log2(linear / target)
    x = low
    for _ in range(NEWTON_STEPS):
        value, slope = _evaluate(streams, weight, x)
        low, high = (x, high) if value >= target else (low, x)
        step = (target - value) / slope if slope else math.inf
        following = x + step if low < x + step < high else (low + high) / 2
        if abs(following - x) < TIME_TOLERANCE or high - low < TIME_TOLERANCE:
            return following
        x = following
    return x


def _evaluate(streams: Sequence[Stream], weight: WeightConfigData, x: float) -> tuple[float, float]:
    """Return R and dR/dx at x seconds after the score's instant."""
    amounts: dict[str, tuple[float, float]] = {}
    for stream in streams:
        strength = stream.strength * 2.0 ** (-x / stream.half_life)
        slope = -math.log(2) / stream.half_life * strength / (1.0 + strength)
        amount, amount_slope = amounts.get(stream.type, (0.0, 0.0))
        amounts[stream.type] = (amount + math.log1p(strength), amount_slope + slope)
    value = derivative = 0.0
    for kind, (amount, amount_slope) in amounts.items():
        saturation, points = weight.saturation(kind), weight.weight(kind)
        value += points * -math.expm1(-amount / saturation)
        derivative += points * math.exp(-amount / saturation) / saturation * amount_slope
    return value, derivative
