"""What a measure is and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Fact = str | int | float | bool | None


@dataclass(frozen=True)
class Target:
    """What a figure must reach: its ratio, or our own value, ``at_least`` or ``at_most`` so much."""

    of: Literal["ratio", "ours"]
    at: Literal["least", "most"]
    value: float

    def is_met(self, reached: float) -> bool:
        """Tell whether a value is good enough."""
        return reached >= self.value if self.at == "least" else reached <= self.value

    def __str__(self) -> str:
        sign = "≥" if self.at == "least" else "≤"
        return f"{sign} {self.value:g}{'×' if self.of == 'ratio' else ''}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure: ours beside the peer's, in ``unit``, under ``conditions``.

    ``ratio`` is ours to the peer's, the median of the rounds' own ratios, so it is not exactly the quotient
    of the two medians. ``details`` holds what else was seen, the single rounds among it.
    """

    name: str
    what: str
    unit: str
    ours: float
    ours_is: str
    peer: float | None = None
    peer_is: str = ""
    ratio: float | None = None
    target: Target | None = None
    better: Literal["higher", "lower"] = "higher"
    conditions: Mapping[str, Fact] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Tell whether the target is reached; None when there is none."""
        if self.target is None:
            return None
        reached = self.ratio if self.target.of == "ratio" else self.ours
        return reached is not None and self.target.is_met(reached)

    def to_json(self) -> dict[str, Any]:
        """Return the figure as it stands in the file of results."""
        return {
            "what": self.what,
            "unit": self.unit,
            "better": self.better,
            "ours": _rounded(self.ours),
            "ours_is": self.ours_is,
            "peer": _rounded(self.peer),
            "peer_is": self.peer_is,
            "ratio": _rounded(self.ratio),
            "target": str(self.target) if self.target else None,
            "met": self.is_met,
            "conditions": dict(self.conditions),
            "details": dict(self.details),
        }


def _rounded(value: float | None) -> float | None:
    """Keep four telling digits, for nobody can measure more."""
    return None if value is None else float(f"{value:.4g}")
