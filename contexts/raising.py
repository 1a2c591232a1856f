"""What would raise an intent: one more signal of each kind, and the fewest that lift it over the next band.

Pure: no Django, no clock, no I/O. A signal more is taken to come now, with strength 1.
"""

import heapq
import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from contexts.bands import BANDS
from contexts.scoring import Score
from contexts.scoring_config import WeightConfigData

MAX_SIGNALS = 100  # more than that would not be advice any more


class Kind(NamedTuple):
    """A kind of signal that may come: its type and, for stages of a deal, the stage ('' = none)."""

    type: str
    stage: str = ""


@dataclass(frozen=True, kw_only=True)
class Raise:
    """Points (of 100) that one more signal of a kind would add now.

    `new_person` of a person who has not shown this type yet, `same_person` of the one who has shown it most
    (None: nobody has), `no_person` if it names nobody. `needed` is how many of new persons, `needed_same` how
    many of that one person, reach the next band without anything else; None where no number up to 100 does.
    """

    kind: Kind
    new_person: float
    same_person: float | None
    no_person: float
    needed: int | None
    needed_same: int | None


@dataclass(frozen=True, kw_only=True)
class WouldRaise:
    """The next band (None: it is hot), its threshold, the points missing, and what would add them.

    `raises` by falling points of a new person; `fewest` is the smallest number of signals, each of a new
    person, that reaches the threshold: kinds and how many of each. Empty where 100 don't, or none is needed.
    """

    next_band: str | None
    threshold: float | None
    missing: float
    raises: tuple[Raise, ...]
    fewest: tuple[tuple[Kind, int], ...]


def find_raises(result: Score, *, band: str, kinds: Iterable[Kind]) -> WouldRaise:
    """Return what would raise a score that is in `band`; kinds that add nothing are left out."""
    now = _Present(result)
    next_band = {"cold": BANDS[1], "warm": BANDS[2]}.get(band)
    threshold = {BANDS[1]: now.weight.warm_threshold, BANDS[2]: now.weight.hot_threshold}.get(next_band or "")
    raising = [kind for kind in kinds if now.strength(kind) > 0 and kind.type not in now.weight.damping]
    raises = [_judge(now, kind, threshold) for kind in raising]
    useful = sorted((r for r in raises if r.new_person > 0), key=lambda r: (-r.new_person, r.kind))
    return WouldRaise(
        next_band=next_band,
        threshold=threshold,
        missing=max((threshold or 0.0) - result.exact, 0.0),
        raises=tuple(useful),
        fewest=_find_fewest(now, raising, threshold) if threshold is not None else (),
    )


class _Present:
    """The score's sums, so that a signal more costs no second look at the evidence."""

    def __init__(self, result: Score) -> None:
        self.weight: WeightConfigData = result.weight
        self.exact = result.exact
        self.damped_by = result.damped_by
        self.amounts: dict[str, float] = defaultdict(float)
        self.nobody: dict[str, float] = {}
        self.strongest: dict[str, float] = {}
        for stream in result.streams:
            self.amounts[stream.type] += math.log1p(stream.strength)
            if stream.person:
                known = self.strongest.get(stream.type, 0.0)
                self.strongest[stream.type] = max(known, stream.strength)
            else:
                self.nobody[stream.type] = stream.strength
        self.total = sum(self.points(kind, amount) for kind, amount in self.amounts.items())

    def points(self, signal_type: str, amount: float) -> float:
        """Return the points of R that an amount of evidence of a type gives."""
        return self.weight.weight(signal_type) * -math.expm1(-amount / self.weight.saturation(signal_type))

    def strength(self, kind: Kind) -> float:
        """Return the strength of one signal of a kind; 0 where its type weighs nothing."""
        return self.weight.stage_strength(kind.stage) if self.weight.weight(kind.type) else 0.0

    def intent(self, more: Mapping[str, float], lifting: Iterable[str]) -> float:
        """Return the intent with more evidence by type, after signals of the types `lifting` came."""
        added = sum(
            self.points(kind, self.amounts.get(kind, 0.0) + amount)
            - self.points(kind, self.amounts.get(kind, 0.0))
            for kind, amount in more.items()
        )
        come = set(lifting)
        factors = (
            self.weight.damping[kind]
            for kind in self.damped_by
            if come.isdisjoint(self.weight.lifting.get(kind, ()))
        )
        return 100.0 * math.prod(factors) * -math.expm1(-(self.total + added) / self.weight.rho)


def _judge(now: _Present, kind: Kind, threshold: float | None) -> Raise:
    strength, nobody = now.strength(kind), now.nobody.get(kind.type, 0.0)
    strongest = now.strongest.get(kind.type)

    def gain(seen: float, count: int, persons: int = 1) -> float:
        amount = persons * math.log1p(count * strength / (1.0 + seen))
        return now.intent({kind.type: amount}, [kind.type])

    def needed(reach: Callable[[int], float]) -> int | None:
        if threshold is None or now.exact >= threshold:
            return None
        count = 1 + bisect_left(range(1, MAX_SIGNALS + 1), threshold, key=reach)
        return count if count <= MAX_SIGNALS else None

    return Raise(
        kind=kind,
        new_person=gain(0.0, 1) - now.exact,
        same_person=None if strongest is None else gain(strongest, 1) - now.exact,
        no_person=gain(nobody, 1) - now.exact,
        needed=needed(lambda n: gain(0.0, 1, n)),
        needed_same=None if strongest is None else needed(lambda n: gain(strongest, n)),
    )


def _find_fewest(now: _Present, kinds: Sequence[Kind], threshold: float) -> tuple[tuple[Kind, int], ...]:
    """Return the fewest signals of new persons that reach a threshold.

    What n signals of a type add is concave in n and the types add up, so taking the next best one each time
    is best for a given damping. Damping is what a first signal may lift, so each such kind is tried first.
    """
    if now.exact >= threshold or not kinds:
        return ()
    lifters = {kind for damper in now.damped_by for kind in now.weight.lifting.get(damper, ())}
    starts: list[tuple[Kind, ...]] = [(), *((kind,) for kind in kinds if kind.type in lifters)]
    found = [way for start in starts if (way := _climb(now, kinds, start, threshold))]
    shortest = min(found, key=len, default=())
    return tuple(sorted(Counter(shortest).items(), key=lambda item: (-item[1], item[0])))


def _climb(
    now: _Present, kinds: Sequence[Kind], start: tuple[Kind, ...], threshold: float
) -> tuple[Kind, ...] | None:
    """Take the kind that adds most points of R, again and again; None where 100 signals are too few."""
    more: dict[str, float] = defaultdict(float)
    way = list(start)
    for kind in start:
        more[kind.type] += math.log1p(now.strength(kind))
    best: dict[str, Kind] = {}  # of each type the strongest kind is always the best
    for kind in kinds:
        best[kind.type] = max(best.get(kind.type, kind), kind, key=now.strength)

    def next_gain(kind: Kind) -> float:
        before = now.amounts.get(kind.type, 0.0) + more[kind.type]
        return now.points(kind.type, before + math.log1p(now.strength(kind))) - now.points(kind.type, before)

    queue = [(-next_gain(kind), kind) for kind in best.values()]
    heapq.heapify(queue)
    while now.intent(more, (kind.type for kind in way)) < threshold:
        if len(way) == MAX_SIGNALS:
            return None
        _, kind = queue[0]
        more[kind.type] += math.log1p(now.strength(kind))
        way.append(kind)
        heapq.heapreplace(queue, (-next_gain(kind), kind))
    return tuple(way)
