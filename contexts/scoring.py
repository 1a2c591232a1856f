"""The decayed intent score in bucket form. Pure: no Django, no clock, no I/O.

A signal of type T at time t with half-life h falls into bucket n = ⌊t/h⌋ with the integer mass
m = round(s·2^(frac(t/h))·2³²). Sums of integers commute, so any order, duplication or split of the
evidence gives the same state bit by bit. At any later t the strength of a person's evidence is
S = 2⁻³²·Σ B_n·2^(n−t/h); A_T = Σ_p ln(1+S); f_T = w·(1−e^(−A_T/σ)); R = Σ f_T;
intent = 100·d·(1−e^(−R/ρ)). A stage is part of the bucket's key and its factor applies at read.

Source: DESIGN §9; Cormode et al. 2009 for decay relative to a landmark.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contexts.cooling import Stream, seconds_until
from contexts.icp import Criterion, Fit, FitReason, IcpData, measure_fit
from contexts.scoring_config import DecayConfigData, WeightConfigData

__all__ = [
    "Bucket",
    "Criterion",
    "DecayConfigData",
    "Fit",
    "FitReason",
    "IcpData",
    "Part",
    "Score",
    "ScoreState",
    "WeightConfigData",
    "choose_band",
    "from_micros",
    "measure_fit",
    "oldest_bucket",
    "place",
    "score",
    "to_micros",
]

MASS_SCALE = 2**32
HORIZON = 40  # half-lives after which a bucket (2⁻⁴⁰ of its mass) is no longer read
POINT_UNITS = 2**20  # points are multiples of 2⁻²⁰, so doubles add them without rounding
MAX_STRENGTH = 10.0
BANDS = ("cold", "warm", "hot")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(at: datetime) -> int:
    """Return the integer microseconds of an aware datetime since 1970."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """Return the UTC datetime of integer microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


class Bucket(NamedTuple):
    """Summed evidence of one type, stage ('' = none) and person ('' = nobody) in half-life `n`.

    `mass` is an integer in units of 2⁻³²; `latest` the newest signal in microseconds since 1970.
    """

    type: str
    stage: str
    person: str
    n: int
    mass: int
    latest: int


def place(
    *,
    signal_type: str,
    stage: str,
    person: str,
    occurred_at: datetime,
    strength: float,
    decay: DecayConfigData,
) -> Bucket:
    """Return the one-signal bucket of a signal; strength in (0, 10].

    Raises: ValueError when the strength is outside its range or not a number.
    """
    if not 0 < strength <= MAX_STRENGTH:
        raise ValueError(f"strength must be in (0, {MAX_STRENGTH}], not {strength}")
    micros = to_micros(occurred_at)
    half_life = decay.half_life_micros(signal_type)
    n, rest = divmod(micros, half_life)
    mass = round(strength * 2.0 ** (rest / half_life) * MASS_SCALE)
    return Bucket(signal_type, stage, person, n, max(mass, 1), micros)


def oldest_bucket(*, signal_type: str, at: datetime, decay: DecayConfigData) -> int:
    """Return the first bucket number of a type that still counts at `at`."""
    return to_micros(at) // decay.half_life_micros(signal_type) - HORIZON


class ScoreState:
    """Evidence of one account in memory, with its ledger: each signal counts once.

    The database keeps the same state as rows; replays and the laboratory keep it here.
    """

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str, str, int], tuple[int, int]] = {}
        self._seen: set[str] = set()

    def observe(self, signal_id: str, bucket: Bucket) -> bool:
        """Add one signal's bucket; False and no change when the signal was added before."""
        if signal_id in self._seen:
            return False
        self._seen.add(signal_id)
        self.add(bucket)
        return True

    def add(self, bucket: Bucket) -> None:
        """Add a bucket's mass without asking which signals it holds."""
        key = bucket[:4]
        mass, latest = self._cells.get(key, (0, bucket.latest))
        self._cells[key] = (mass + bucket.mass, max(latest, bucket.latest))

    def buckets(self) -> list[Bucket]:
        """Return the state in key order; equal evidence gives equal lists."""
        return [Bucket(*key, *value) for key, value in sorted(self._cells.items())]


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
    """

    at: datetime
    exact: float
    intent: float
    damping: float
    damped_by: tuple[str, ...]
    parts: tuple[Part, ...]
    streams: tuple[Stream, ...]
    weight: WeightConfigData

    def falls_below(self, level: float) -> datetime | None:
        """Return when the intent falls below `level` points if nothing else arrives.

        None when it is already below. Right to the second: closed-form bracket, then Newton.
        """
        if not 0 < level <= self.exact:
            return None
        target = -self.weight.rho * math.log1p(-level / (100.0 * self.damping))
        seconds = seconds_until(self.streams, self.weight, target)
        return self.at + timedelta(seconds=seconds)


def score(
    buckets: Iterable[Bucket], *, decay: DecayConfigData, weight: WeightConfigData, at: datetime
) -> Score:
    """Return the intent in 0…100 at `at`, its parts by type and person, and its damping."""
    rows = sorted(buckets)
    streams = _streams(rows, decay, weight, at)
    damping, damped_by = _damping(rows, weight)
    by_type = _group(streams, weight)
    total = sum(points for points, _, _ in by_type.values())
    exact = min(100.0 * damping * -math.expm1(-total / weight.rho), 100.0)
    units = round(exact * POINT_UNITS)
    return Score(
        at=at,
        exact=exact,
        intent=units / POINT_UNITS,
        damping=damping,
        damped_by=damped_by,
        parts=_parts(by_type, total, units),
        streams=tuple(streams),
        weight=weight,
    )


def choose_band(*, previous: str, exact: float, weight: WeightConfigData) -> str:
    """Return cold, warm or hot with hysteresis: a band is entered at its threshold, left below 0.8 of it."""
    rank = BANDS.index(previous) if previous in BANDS else 0
    for candidate, threshold in ((2, weight.hot_threshold), (1, weight.warm_threshold)):
        if exact >= (threshold if candidate > rank else threshold * weight.leave_ratio):
            return BANDS[candidate]
    return BANDS[0]


def _streams(
    rows: Sequence[Bucket], decay: DecayConfigData, weight: WeightConfigData, at: datetime
) -> list[Stream]:
    now = to_micros(at)
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    latest: dict[tuple[str, str], int] = {}
    for row in rows:
        half_life = decay.half_life_micros(row.type)
        now_n, rest = divmod(now, half_life)
        if row.n < now_n - HORIZON or not weight.weight(row.type):
            continue
        strength = row.mass / MASS_SCALE * 2.0 ** ((row.n - now_n) - rest / half_life)
        key = (row.type, row.person)
        sums[key].append(strength * weight.stage_strength(row.stage))
        latest[key] = max(latest.get(key, row.latest), row.latest)
    return [
        Stream(kind, person, math.fsum(values), decay.half_life_micros(kind) / 1e6, latest[kind, person])
        for (kind, person), values in sorted(sums.items())
    ]


def _damping(rows: Sequence[Bucket], weight: WeightConfigData) -> tuple[float, tuple[str, ...]]:
    newest: dict[str, int] = {}
    for row in rows:
        newest[row.type] = max(newest.get(row.type, row.latest), row.latest)
    active = tuple(
        kind
        for kind in sorted(weight.damping)
        if kind in newest
        and newest[kind]
        >= max((newest[t] for t in weight.lifting.get(kind, ()) if t in newest), default=-(2**62))
    )
    return math.prod(weight.damping[kind] for kind in active), active


_TypeGroup = tuple[float, float, list[Stream]]  # f_T, A_T, its streams


def _group(streams: Sequence[Stream], weight: WeightConfigData) -> dict[str, _TypeGroup]:
    members: dict[str, list[Stream]] = defaultdict(list)
    for stream in streams:
        members[stream.type].append(stream)
    groups: dict[str, _TypeGroup] = {}
    for kind, of_type in members.items():
        amount = sum(math.log1p(stream.strength) for stream in of_type)
        groups[kind] = (weight.weight(kind) * -math.expm1(-amount / weight.saturation(kind)), amount, of_type)
    return groups


def _parts(groups: dict[str, _TypeGroup], total: float, units: int) -> tuple[Part, ...]:
    """Split integer units by the largest remainder, so that they sum exactly."""
    shares: list[tuple[Stream, float]] = [
        (stream, points / total * math.log1p(stream.strength) / amount * units)
        for points, amount, streams in groups.values()
        for stream in streams
        if points > 0 and amount > 0
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
