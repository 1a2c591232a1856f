"""The decayed intent score in bucket form. Pure: no Django, no clock, no I/O.

A signal of type T at time t with half-life h falls into bucket n = ⌊t/h⌋ with the integer mass
m = round(s·2^(frac(t/h))·2³²). Sums of integers commute, so any order, duplication or split of the
evidence gives the same state bit by bit. At any later t the strength of a person's evidence is
S = 2⁻³²·Σ B_n·2^(n−t/h); A_T = Σ_p ln(1+S); f_T = w·(1−e^(−A_T/σ)); R = Σ f_T;
intent = 100·d·(1−e^(−R/ρ)). A stage is part of the bucket's key and its factor applies at read.

Source: DESIGN §9; Cormode et al. 2009 for decay relative to a landmark.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from contexts import bands
from contexts.bands import BANDS, HOT, choose_band
from contexts.buckets import (
    HORIZON,
    MASS_SCALE,
    MAX_STRENGTH,
    Bucket,
    ScoreState,
    from_micros,
    oldest_bucket,
    place,
    to_micros,
)
from contexts.cooling import Stream, seconds_until
from contexts.icp import Criterion, Fit, FitReason, IcpData, measure_fit
from contexts.scoring_config import DecayConfigData, WeightConfigData

__all__ = [
    "BANDS",
    "HORIZON",
    "HOT",
    "MASS_SCALE",
    "MAX_STRENGTH",
    "Bucket",
    "Criterion",
    "DecayConfigData",
    "Fit",
    "FitReason",
    "IcpData",
    "Part",
    "Score",
    "ScoreState",
    "Scorer",
    "WeightConfigData",
    "choose_band",
    "from_micros",
    "measure_fit",
    "oldest_bucket",
    "place",
    "score",
    "to_micros",
]

POINT_UNITS = 2**20  # points are multiples of 2⁻²⁰, so doubles add them without rounding
ROOT_MARGIN = 1e-3  # seconds
_TYPE = attrgetter("type")


class Part(NamedTuple):
    """What one person's evidence of one type gives: points of the intent, latest in microseconds."""

    type: str
    person: str
    points: float
    latest: int


@dataclass(frozen=True)
class Score:
    """Intent of an account at one instant and what it is made of.

    `exact` is the unrounded intent (bands compare it); `intent` is rounded to 2⁻²⁰ points and
    equals the sum of `parts` without error, in any order. `damped_by` names active negative evidence.
    `streams` are sorted by type and person.
    """

    at: datetime
    exact: float
    intent: float
    damping: float
    damped_by: tuple[str, ...]
    streams: tuple[Stream, ...]
    weight: WeightConfigData

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What each person's evidence of each type gives, the most first; made when it is asked for."""
        groups = _group(self.streams, self.weight)
        total = sum(group.points for group in groups)
        return _split(groups, total, round(self.exact * POINT_UNITS))

    def falls_below(self, level: float) -> datetime | None:
        """Return when the intent falls below `level` points if nothing else arrives.

        None when it is already below. At the returned moment it is not yet, a second later it is: it lies a
        millisecond before the root, which covers the tolerance of the Newton steps.
        """
        if not 0 < level <= self.exact:
            return None
        target = -self.weight.rho * math.log1p(-level / (100.0 * self.damping))
        seconds = seconds_until(self.streams, self.weight, target)
        return self.at + timedelta(seconds=max(seconds - ROOT_MARGIN, 0.0))

    def choose_band(self, *, previous: str, held_seconds: float | None) -> str:
        """Return the band that follows `previous`, entered or left `held_seconds` ago (see `bands`)."""
        return choose_band(
            previous=previous,
            exact=self.exact,
            weight=self.weight,
            held_seconds=held_seconds,
            is_damped=bool(self.damped_by),
        )

    def stays_hot_until(self, *, entered_at: datetime | None) -> datetime | None:
        """Return when a hot account, hot since `entered_at`, cools down if nothing else arrives."""
        return bands.last_moment(
            falls_below=self.falls_below(self.weight.leave_level()),
            entered_at=entered_at,
            is_damped=bool(self.damped_by),
            weight=self.weight,
        )


class Scorer:
    """Scores any number of accounts at one instant; what their buckets have in common is computed once."""

    def __init__(self, *, decay: DecayConfigData, weight: WeightConfigData, at: datetime) -> None:
        self._decay, self._weight, self._at = decay, weight, at
        self._left: dict[tuple[str, int], float] = {}
        self._lasting = set(weight.damping).union(*weight.lifting.values())

    def score(self, buckets: Iterable[Bucket]) -> Score:
        """Return the intent in 0…100, its streams by type and person, and its damping."""
        sums: dict[tuple[str, str], list[float]] = {}
        latest: dict[tuple[str, str], int] = {}
        newest: dict[str, int] = {}
        for kind, stage, person, n, mass, micros in buckets:
            if kind in self._lasting and micros > newest.get(kind, -(2**62)):
                newest[kind] = micros
            left = self._left.get((kind, n))
            if left is None:
                left = self._left[kind, n] = self._measure_left(kind, n)
            if not left:
                continue
            strength = mass / MASS_SCALE * left
            if stage:
                strength *= self._weight.stage_strength(stage)
            key = (kind, person)
            if key not in sums:
                sums[key], latest[key] = [strength], micros
                continue
            sums[key].append(strength)
            latest[key] = max(latest[key], micros)
        # `fsum` rounds once, so the order of the buckets leaves no trace.
        streams = tuple(
            Stream(kind, person, math.fsum(sums[key]), self._half_life(kind), latest[key])
            for key in sorted(sums)
            for kind, person in (key,)
        )
        return self._sum_up(streams, newest)

    def _measure_left(self, kind: str, n: int) -> float:
        """Return 2^(n−t/h), which is over 0; 0 for a bucket that is spent and for a type without weight."""
        half_life = self._decay.half_life_micros(kind)
        now_n, rest = divmod(to_micros(self._at), half_life)
        if n < now_n - HORIZON or not self._weight.weight(kind):
            return 0.0
        return float(2.0 ** ((n - now_n) - rest / half_life))

    def _half_life(self, kind: str) -> float:
        return self._decay.half_life_micros(kind) / 1e6

    def _sum_up(self, streams: tuple[Stream, ...], newest: Mapping[str, int]) -> Score:
        damping, damped_by = _damping(newest, self._weight)
        total = sum(group.points for group in _group(streams, self._weight))
        exact = min(100.0 * damping * -math.expm1(-total / self._weight.rho), 100.0)
        return Score(
            at=self._at,
            exact=exact,
            intent=round(exact * POINT_UNITS) / POINT_UNITS,
            damping=damping,
            damped_by=damped_by,
            streams=streams,
            weight=self._weight,
        )


def score(
    buckets: Iterable[Bucket], *, decay: DecayConfigData, weight: WeightConfigData, at: datetime
) -> Score:
    """Return the score of one account; for many at the same instant see `Scorer`."""
    return Scorer(decay=decay, weight=weight, at=at).score(buckets)


def _damping(newest: Mapping[str, int], weight: WeightConfigData) -> tuple[float, tuple[str, ...]]:
    active = tuple(
        kind
        for kind in sorted(weight.damping)
        if kind in newest
        and newest[kind]
        >= max((newest[t] for t in weight.lifting.get(kind, ()) if t in newest), default=-(2**62))
    )
    return math.prod(weight.damping[kind] for kind in active), active


class _Group(NamedTuple):
    """What a type gives: f_T, A_T, and the ln(1+S) of its streams."""

    points: float
    amount: float
    streams: list[Stream]
    amounts: list[float]


def _group(streams: Sequence[Stream], weight: WeightConfigData) -> list[_Group]:
    groups = []
    for kind, members in groupby(streams, key=_TYPE):
        of_type = list(members)
        amounts = [math.log1p(stream.strength) for stream in of_type]
        amount = sum(amounts)
        points = weight.weight(kind) * -math.expm1(-amount / weight.saturation(kind))
        groups.append(_Group(points, amount, of_type, amounts))
    return groups


def _split(groups: Sequence[_Group], total: float, units: int) -> tuple[Part, ...]:
    """Split integer units by the largest remainder, so that they sum exactly."""
    shares = [
        (stream, group.points / total * amount / group.amount * units)
        for group in groups
        if group.points > 0 and group.amount > 0
        for stream, amount in zip(group.streams, group.amounts, strict=True)
    ]
    given = [math.floor(share) for _, share in shares]
    order = sorted(range(len(shares)), key=lambda i: (given[i] - shares[i][1], i))
    missing = units - sum(given)
    for step in range(abs(missing)):
        given[order[step % len(order)]] += 1 if missing > 0 else -1
    parts = [
        Part(stream.type, stream.person, units_given / POINT_UNITS, stream.latest)
        for (stream, _), units_given in zip(shares, given, strict=True)
    ]
    return tuple(sorted(parts, key=lambda part: (-part.points, part.type, part.person)))
