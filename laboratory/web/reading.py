"""Turn configurations and metrics of an experiment into rows of its page. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laboratory.web.forms import SECONDS_A_DAY
from revctx.web import charts

_METRICS = (
    ("precision_at_k", "Precision of the first {k}", "higher is better", 100.0, " points"),
    ("actions", "Actions", "each takes a reviewer’s time", 1.0, ""),
    ("false_alarms", "False alarms", "lower is better", 1.0, ""),
)
_TONES = {"SHIP": "good", "DO_NOT_SHIP": "bad", "INSUFFICIENT_EVIDENCE": "warm"}
_VERDICTS = {
    "SHIP": "Better, ship it",
    "DO_NOT_SHIP": "Do not ship",
    "INSUFFICIENT_EVIDENCE": "Not enough evidence",
}
_REASONS = {
    "too_few_positive_accounts": "Too few deals advanced after a crossing to tell the arms apart",
    "precision_better": "The first accounts are better chosen at no undue cost in actions and false alarms",
    "precision_not_better": "The first accounts are not clearly better chosen",
    "actions_may_grow_too_much": "Actions may grow by more than a quarter",
    "false_alarms_may_grow_too_much": "False alarms may grow by more than a quarter",
}
_FAILURES = {"worker_lost": "Its worker was lost three times"}
_VOID = {
    "configuration_changed": "Production had changed meanwhile",
    "signals_changed": "Signals of the run were erased, retired or moved",
    "expired": "Nobody decided in time",
}
_FAMILIES = {
    "half_lives": "Half-life",
    "default_half_life": "Half-life of other types",
    "hot_threshold": "Hot from",
    "warm_threshold": "Warm from",
}


@dataclass(frozen=True)
class Change:
    """One number that the challenger sets differently."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """One metric, challenger minus champion, with its interval and the axis that shows it."""

    label: str
    hint: str
    unit: str
    estimate: float
    low: float
    high: float
    span: float

    @property
    def is_clear(self) -> bool:
        """Tell whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def list_changes(champion: Mapping[str, Any], challenger: Mapping[str, Any]) -> list[Change]:
    """Return what the challenger changes, half-lives first; empty where it changes nothing."""
    half_lives = _changes(champion["decay"], challenger["decay"])
    return [*half_lives, *_changes(champion["weight"], challenger["weight"])]


def list_differences(metrics: Mapping[str, Any]) -> list[Difference]:
    """Return the compared metrics in reading order."""
    found = metrics["differences"]
    rows = []
    for name, label, hint, scale, unit in _METRICS:
        low, estimate, high = (found[name][part] * scale for part in ("low", "estimate", "high"))
        span = charts.widest([low, estimate, high])
        rows.append(Difference(label.format(k=metrics["k"]), hint, unit, estimate, low, high, span))
    return rows


def say_verdict(verdict: str) -> dict[str, str]:
    """Return a verdict's words and tone."""
    return {"words": _VERDICTS.get(verdict, verdict), "tone": _TONES.get(verdict, "")}


def say_reasons(metrics: Mapping[str, Any]) -> str:
    """Return why the verdict is what it is, as sentences."""
    return " ".join(f"{_REASONS.get(code, _title(code))}." for code in metrics["reasons"])


def say_failure(code: str) -> str:
    """Return why a run failed."""
    return _FAILURES.get(code, _title(code))


def say_promotion(promotion: Any, *, now: datetime) -> tuple[str, str]:
    """Return a promotion's state and what there is to add to it."""
    match promotion.state:
        case "requested" if promotion.expires_at <= now:
            return "Expired", "Propose it again"
        case "requested":
            return "Waits for approval", ""
        case "approved" if promotion.applied_at is None:
            return "Being put into use", "Approve again if it was interrupted"
        case "rolled_back" if promotion.restored_at is None:
            return "Being rolled back", "Roll back again if it was interrupted"
        case "void":
            return "Void", _VOID.get(promotion.void_reason, _title(promotion.void_reason))
        case "rejected":
            return "Turned down", ""
    return _title(promotion.state), ""


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(set(before) | set(after)):
        if name in {"version", "icp"}:
            continue
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _changes_within(name, old, new)
        elif old != new:
            yield Change(_FAMILIES.get(name) or _title(name), _say(name, old), _say(name, new))


def _changes_within(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted(set(old) | set(new)):
        if old.get(key) != new.get(key):
            family = _FAMILIES.get(name) or _title(name).removesuffix("s")
            label = f"{family}: {_title(key).lower()}"
            yield Change(label, _say(name, old.get(key)), _say(name, new.get(key)))


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _say(name: str, value: Any) -> str:
    if value is None:
        return "–"
    return (
        f"{value / SECONDS_A_DAY:g} days"
        if "half_li" in name
        else f"{value:g}"
        if isinstance(value, int | float)
        else str(value)
    )
