"""The numbers of the score, validated and frozen. Pure: no Django, no clock, no I/O."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contexts.icp import IcpData

MICROS = 1_000_000
MAX_HOLD_SECONDS = 30 * 86_400  # of dwell and cool-down


def _require_all(name: str, values: Iterable[float], low: float, high: float = math.inf) -> None:
    for value in values:
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{name} must be finite and within [{low}, {high}], not {value}")


@dataclass(frozen=True, kw_only=True)
class DecayConfigData:
    """Half-lives in whole seconds per signal type. It keys ledger and buckets: a change replays."""

    version: int
    half_lives: Mapping[str, int]
    default_half_life: int

    def __post_init__(self) -> None:
        _require_all("half-life", (*self.half_lives.values(), self.default_half_life), 1)

    def half_life_micros(self, signal_type: str) -> int:
        """Return the half-life of a signal type in microseconds."""
        return self.half_lives.get(signal_type, self.default_half_life) * MICROS

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that `from_dict` reads."""
        return {
            "version": self.version,
            "half_lives": dict(self.half_lives),
            "default_half_life": self.default_half_life,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "DecayConfigData":
        """Build from the JSON form. Raises ValueError or KeyError on a malformed one."""
        return cls(
            version=int(data["version"]),
            half_lives={str(name): int(seconds) for name, seconds in data["half_lives"].items()},
            default_half_life=int(data["default_half_life"]),
        )


@dataclass(frozen=True, kw_only=True)
class WeightConfigData:
    """Everything that applies at read, so that its change only re-scores.

    Weights are points ≥ 0, saturations and `rho` > 0, stage strengths ≥ 0, damping in (0, 1],
    thresholds in points 0…100, the warm one not above the hot one; a band is left below `leave_ratio` of
    the threshold that enters it. Once hot, an account stays so for `dwell_seconds` at least, unless negative
    evidence damps it; once it has left, it does not become hot again for `cool_down_seconds`.

    Raises: ValueError when a number is out of its range.
    """

    version: int
    weights: Mapping[str, float]
    saturations: Mapping[str, float]
    default_weight: float
    default_saturation: float
    rho: float
    stage_strengths: Mapping[str, float]
    default_stage_strength: float
    damping: Mapping[str, float]
    lifting: Mapping[str, tuple[str, ...]]
    hot_threshold: float
    warm_threshold: float
    leave_ratio: float
    icp: IcpData
    dwell_seconds: float = 0.0
    cool_down_seconds: float = 0.0

    def __post_init__(self) -> None:
        tiny = 1e-6
        _require_all("weight", (*self.weights.values(), self.default_weight), 0)
        _require_all("saturation", (*self.saturations.values(), self.default_saturation), tiny)
        _require_all("rho", (self.rho,), tiny)
        _require_all("stage strength", (*self.stage_strengths.values(), self.default_stage_strength), 0)
        _require_all("damping", self.damping.values(), tiny, 1)
        _require_all("threshold", (self.hot_threshold, self.warm_threshold), tiny, 100)
        _require_all("leave ratio", (self.leave_ratio,), tiny, 1)
        _require_all("dwell and cool-down", (self.dwell_seconds, self.cool_down_seconds), 0, MAX_HOLD_SECONDS)
        if self.warm_threshold > self.hot_threshold:
            raise ValueError(
                f"warm threshold must not exceed the hot one: {self.warm_threshold} > {self.hot_threshold}"
            )

    def weight(self, signal_type: str) -> float:
        """Return the most points of R that a type can give."""
        return self.weights.get(signal_type, self.default_weight)

    def saturation(self, signal_type: str) -> float:
        """Return the amount of evidence at which a type has given 63 % of its weight."""
        return self.saturations.get(signal_type, self.default_saturation)

    def stage_strength(self, stage: str) -> float:
        """Return the factor of a stage; 1 for signals without one, a low default for unknown ones."""
        return self.stage_strengths.get(stage, self.default_stage_strength) if stage else 1.0

    def leave_level(self) -> float:
        """Return the intent below which an account stops being hot."""
        return self.hot_threshold * self.leave_ratio

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that `from_dict` reads."""
        plain = {name: getattr(self, name) for name in (*_PLAIN_FIELDS, *_HOLD_FIELDS)}
        maps = {name: dict(getattr(self, name)) for name in _MAP_FIELDS}
        lifting = {name: list(types) for name, types in self.lifting.items()}
        return {**plain, **maps, "lifting": lifting, "icp": self.icp.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "WeightConfigData":
        """Build from the JSON form. Raises ValueError or KeyError on a malformed one."""
        plain = {name: float(data[name]) for name in _PLAIN_FIELDS if name != "version"}
        # Configurations that were frozen before bands were held have no such times.
        plain |= {name: float(data.get(name, 0.0)) for name in _HOLD_FIELDS}
        maps = {name: {str(key): float(value) for key, value in data[name].items()} for name in _MAP_FIELDS}
        lifting = {str(name): tuple(types) for name, types in data["lifting"].items()}
        icp = IcpData.from_dict(data["icp"])
        return cls(version=int(data["version"]), lifting=lifting, icp=icp, **plain, **maps)  # type: ignore[arg-type]


_PLAIN_FIELDS = (
    "version",
    "default_weight",
    "default_saturation",
    "rho",
    "default_stage_strength",
    "hot_threshold",
    "warm_threshold",
    "leave_ratio",
)
_HOLD_FIELDS = ("dwell_seconds", "cool_down_seconds")
_MAP_FIELDS = ("weights", "saturations", "stage_strengths", "damping")
