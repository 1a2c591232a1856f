"""Which facts go into a context pack. Pure: no Django, no clock, no I/O."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

SHARE, RECENCY, ROLE = 0.4, 0.4, 0.2  # what a fact is worth, as parts of one
HALF_LIFE_HOURS = 168.0
ROLE_WORTH = {"c_level": 1.0, "vp": 0.9, "director": 0.8, "manager": 0.6, "other": 0.3}


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What a fact is worth, 0…1, and which part of it weighs most: points, recency or role."""

    value: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A fact that may go in; `tokens` is what it costs, at least 1. `key` orders what is worth the same."""

    key: tuple[str, str]
    value: float
    tokens: int

    @property
    def density(self) -> float:
        """Return the value of one token."""
        return self.value / self.tokens


def measure_worth(*, points: float, total: float, age_hours: float, role: str | None) -> Worth:
    """Return 0.4 of the share of all points, 0.4 of recency (half after a week), 0.2 of the person's role."""
    parts = {
        "points": SHARE * (points / total if total > 0 else 0.0),
        "recency": RECENCY * 2.0 ** (-max(age_hours, 0.0) / HALF_LIFE_HOURS),
        "role": ROLE * ROLE_WORTH.get(role or "", 0.0),
    }
    reason = max(parts, key=lambda name: parts[name])
    return Worth(value=round(math.fsum(parts.values()), 6), reason=reason)


def choose(candidates: Iterable[Candidate], *, budget: int) -> tuple[list[Candidate], list[Candidate]]:
    """Return who fits into the tokens, by falling value per token, and who is left out.

    One that does not fit leaves room for a cheaper one behind it.
    """
    chosen, left, remaining = [], [], budget
    for candidate in sorted(candidates, key=lambda item: (-item.density, item.key)):
        if candidate.tokens <= remaining:
            chosen.append(candidate)
            remaining -= candidate.tokens
        else:
            left.append(candidate)
    return chosen, left


def age_hours(at: datetime, now: datetime) -> float:
    """Return the hours from `at` to `now`."""
    return (now - at).total_seconds() / 3600
