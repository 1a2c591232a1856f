"""Fit of an account to the ideal customer profile. Pure: no Django, no clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN_CREDIT = 0.5  # an unknown attribute neither recommends an account nor rules it out
NEAR_CREDIT = 0.5  # a number outside the range by less than a factor of two


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One wished-for attribute: a set of codes, or a range of numbers, with its weight (> 0)."""

    field: str
    weight: float
    one_of: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(f"criterion {self.field}: weight must be positive")
        if bool(self.one_of) == (self.low is not None or self.high is not None):
            raise ValueError(f"criterion {self.field}: give either codes or a range")


@dataclass(frozen=True, kw_only=True)
class IcpData:
    """An ideal customer profile: a version and its weighted criteria."""

    version: int
    name: str
    criteria: tuple[Criterion, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "IcpData":
        """Build from the JSON form. Raises ValueError or KeyError on a malformed one."""
        criteria = tuple(
            Criterion(
                field=str(item["field"]),
                weight=float(item["weight"]),
                one_of=tuple(str(code).casefold() for code in item.get("one_of", ())),
                low=item.get("low"),
                high=item.get("high"),
            )
            for item in data["criteria"]
        )
        return cls(version=int(data["version"]), name=str(data["name"]), criteria=criteria)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that `from_dict` reads."""
        return {
            "version": self.version,
            "name": self.name,
            "criteria": [
                {"field": c.field, "weight": c.weight, "one_of": list(c.one_of)}
                if c.one_of
                else {"field": c.field, "weight": c.weight, "low": c.low, "high": c.high}
                for c in self.criteria
            ],
        }


@dataclass(frozen=True)
class FitReason:
    """What one criterion gave: `outcome` is met, near, missed or unknown; credit in 0…1."""

    field: str
    outcome: str
    credit: float
    weight: float


@dataclass(frozen=True)
class Fit:
    """Fit in 0…1 and the reasons whose weighted mean it is."""

    score: float
    reasons: tuple[FitReason, ...]


def measure_fit(attributes: Mapping[str, Any], icp: IcpData) -> Fit:
    """Return the weighted mean of the criteria's credits; 1.0 for a profile without criteria."""
    reasons = tuple(_judge(criterion, attributes.get(criterion.field)) for criterion in icp.criteria)
    total = sum(reason.weight for reason in reasons)
    if not total:
        return Fit(score=1.0, reasons=())
    score = sum(reason.credit * reason.weight for reason in reasons) / total
    return Fit(score=min(max(score, 0.0), 1.0), reasons=reasons)


def _judge(criterion: Criterion, value: Any) -> FitReason:
    outcome, credit = _judge_codes(criterion, value) if criterion.one_of else _judge_range(criterion, value)
    return FitReason(criterion.field, outcome, credit, criterion.weight)


def _judge_codes(criterion: Criterion, value: Any) -> tuple[str, float]:
    if value is None or value == "":
        return "unknown", UNKNOWN_CREDIT
    return ("met", 1.0) if str(value).casefold() in criterion.one_of else ("missed", 0.0)


def _judge_range(criterion: Criterion, value: Any) -> tuple[str, float]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "unknown", UNKNOWN_CREDIT
    low = float("-inf") if criterion.low is None else criterion.low
    high = float("inf") if criterion.high is None else criterion.high
    if low <= value <= high:
        return "met", 1.0
    return ("near", NEAR_CREDIT) if low / 2 <= value <= high * 2 else ("missed", 0.0)
