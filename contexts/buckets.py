"""Evidence as integers: a bucket a half-life, whose masses add up the same in any order. Pure, as `scoring`.

What the numbers mean is told there; this is how they are made and summed.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contexts.scoring_config import DecayConfigData

MASS_SCALE = 2**32
HORIZON = 40  # half-lives after which a bucket (2⁻⁴⁰ of its mass) is no longer read
MAX_STRENGTH = 10.0
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
    """Evidence of one account in memory, with its ledger: each signal counts once, or no longer.

    The database keeps the same state as rows; replays and the laboratory keep it here.
    """

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str, str, int], tuple[int, int]] = {}
        self._ledger: dict[str, Bucket | None] = {}  # None: retracted

    def observe(self, signal_id: str, bucket: Bucket) -> bool:
        """Add one signal's bucket; False and no change when the signal was added before."""
        if signal_id in self._ledger:
            return False
        self._ledger[signal_id] = bucket
        self.add(bucket)
        return True

    def retract(self, signal_id: str) -> bool:
        """Take one signal back for good; False when it does not count (any more).

        The state is then what it would be had the signal never come. It stays in the ledger, so that a
        second delivery changes nothing. One pass over the ledger.
        """
        bucket = self._ledger.get(signal_id)
        self._ledger[signal_id] = None
        if bucket is None:
            return False
        key = bucket[:4]
        mass = self._cells.pop(key)[0] - bucket.mass
        if mass:
            rest = (other.latest for other in self._ledger.values() if other and other[:4] == key)
            self._cells[key] = (mass, max(rest))
        return True

    def add(self, bucket: Bucket) -> None:
        """Add a bucket's mass without asking which signals it holds."""
        key = bucket[:4]
        mass, latest = self._cells.get(key, (0, bucket.latest))
        self._cells[key] = (mass + bucket.mass, max(latest, bucket.latest))

    def buckets(self) -> list[Bucket]:
        """Return the state in key order; equal evidence gives equal lists."""
        return [Bucket(*key, *value) for key, value in sorted(self._cells.items())]
