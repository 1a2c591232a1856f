"""Ours and the peer in turns, so that a machine that slows down slows both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """What the rounds gave: a pair each, ours first."""

    pairs: Sequence[tuple[float, float]]

    @property
    def ours(self) -> float:
        """Return the median of ours."""
        return median(ours for ours, _ in self.pairs)

    @property
    def peer(self) -> float:
        """Return the median of the peer's."""
        return median(peer for _, peer in self.pairs)

    @property
    def ratio(self) -> float:
        """Return the median of the rounds' own ratios, ours to the peer's."""
        return median(ours / peer for ours, peer in self.pairs)

    def to_json(self) -> dict[str, Any]:
        """Return the single rounds."""
        return {
            "ours_rounds": [round(ours, 6) for ours, _ in self.pairs],
            "peer_rounds": [round(peer, 6) for _, peer in self.pairs],
        }


def take_turns(*, ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> Comparison:
    """Measure both in every round; who comes first changes with the round."""
    pairs = []
    for number in range(rounds):
        if number % 2 == 0:
            mine = ours()
            pairs.append((mine, peer()))
        else:
            other = peer()
            pairs.append((ours(), other))
    return Comparison(pairs)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which ``percent`` (1 to 99) of the values lie; at least two values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
