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


class _Type(NamedTuple):
    """A type's weight, saturation and half-life in seconds, and the strengths of its streams."""

    weight: float
    saturation: float
    half_life: float
    strengths: list[float]


def seconds_until(streams: Sequence[Stream], weight: WeightConfigData, target: float) -> float:
    """Return the seconds x ≥ 0 with R(x) = target; R falls strictly and R(0) ≥ target > 0.

    Newton steps on the logarithm of R, which is nearly straight: three or four of them do.
    """
    types = _group(streams, weight)
    start, _ = _evaluate(types, 0.0)
    if start <= target:
        return 0.0
    linear = sum(s.strength * weight.weight(s.type) / weight.saturation(s.type) for s in streams)
    low = min(s.half_life for s in streams) * math.log2(start / target)
    high = max(s.half_life for s in streams) * math.log2(linear / target)
    x = low
    for _ in range(NEWTON_STEPS):
        value, slope = _evaluate(types, x)
        low, high = (x, high) if value >= target else (low, x)
        step = math.log(target / value) * value / slope if slope and value > 0 else math.inf
        following = x + step if low < x + step < high else (low + high) / 2
        if abs(following - x) < TIME_TOLERANCE or high - low < TIME_TOLERANCE:
            return following
        x = following
    return x


def _group(streams: Sequence[Stream], weight: WeightConfigData) -> list[_Type]:
    groups: dict[str, _Type] = {}
    for stream in streams:
        kind = stream.type
        if kind not in groups:
            groups[kind] = _Type(weight.weight(kind), weight.saturation(kind), stream.half_life, [])
        groups[kind].strengths.append(stream.strength)
    return list(groups.values())


def _evaluate(types: Sequence[_Type], x: float) -> tuple[float, float]:
    """Return R and dR/dx at x seconds after the score's instant."""
    value = derivative = 0.0
    for points, saturation, half_life, strengths in types:
        decayed = 2.0 ** (-x / half_life)
        amount = slope = 0.0
        for strength in strengths:
            left = strength * decayed
            amount += math.log1p(left)
            slope += left / (1.0 + left)
        spent = math.expm1(-amount / saturation)
        value -= points * spent
        derivative -= points * (1.0 + spent) / saturation * slope / half_life
    return value, derivative * math.log(2)
