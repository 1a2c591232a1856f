"""How good is what is known of an account? Pure: no Django, no clock, no I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

COMPLETENESS, FRESHNESS, CONSISTENCY = 0.45, 0.35, 0.20
SINGLE_SOURCE = 0.7  # nobody contradicts, nobody confirms


class Field(NamedTuple):
    """An attribute worth knowing: its weight and the days in which knowledge of it loses half its worth."""

    weight: float
    half_life_days: float


FIELDS: dict[str, Field] = {
    "industry": Field(2.0, 730),
    "employees": Field(2.0, 180),
    "annual_revenue": Field(1.0, 365),
    "country": Field(1.0, 730),
    "technologies": Field(1.0, 90),
}
_TOTAL = sum(field.weight for field in FIELDS.values())


class Measured(NamedTuple):
    """Quality and its three parts, all in 0…1."""

    score: float
    completeness: float
    freshness: float
    consistency: float


def measure_quality(sources: Mapping[str, Sequence[Mapping[str, Any]]], *, now: datetime) -> Measured:
    """Return the quality of facts given per attribute as [{source, at (ISO 8601), value}], newest last."""
    known = {name: FIELDS[name] for name in FIELDS if sources.get(name)}
    weight = sum(field.weight for field in known.values())
    completeness = weight / _TOTAL
    freshness = (
        sum(
            field.weight * 2.0 ** (-_age_days(sources[name], now) / field.half_life_days)
            for name, field in known.items()
        )
        / _TOTAL
    )
    agreement = sum(field.weight * _agreement(sources[name]) for name, field in known.items())
    consistency = agreement / weight if weight else 0.0
    score = COMPLETENESS * completeness + FRESHNESS * freshness + CONSISTENCY * consistency
    return Measured(min(score, 1.0), completeness, min(freshness, 1.0), consistency)


def list_wanted(sources: Mapping[str, Sequence[Mapping[str, Any]]], *, now: datetime) -> dict[str, float]:
    """Return the attributes worth buying and how much each would raise the quality.

    Wanted is what nobody told, and what was told longer ago than its half-life. The gain takes for granted
    that the next source agrees with what is known.
    """
    before = measure_quality(sources, now=now).score
    gains = {}
    for name, field in FIELDS.items():
        told = sources.get(name) or []
        if told and _age_days(told, now) < field.half_life_days:
            continue
        value = told[-1]["value"] if told else True
        next_told = {**sources, name: [*told, {"source": "next", "at": now.isoformat(), "value": value}]}
        gain = measure_quality(next_told, now=now).score - before
        gains[name] = max(gain, 0.0)
    return gains


def best_missing(
    sources: Mapping[str, Sequence[Mapping[str, Any]]], *, now: datetime
) -> tuple[str | None, float]:
    """Return the unknown attribute whose knowledge would raise the quality most, and by how much."""
    before = measure_quality(sources, now=now).score
    gains = []
    for name in FIELDS:
        if not sources.get(name):
            told = {**sources, name: [{"source": "next", "at": now.isoformat(), "value": True}]}
            gains.append((measure_quality(told, now=now).score - before, name))
    if not gains:
        return None, 0.0
    gain, name = max(gains, key=lambda item: item[0])
    return name, gain


def _age_days(told: Sequence[Mapping[str, Any]], now: datetime) -> float:
    newest = max(datetime.fromisoformat(item["at"]) for item in told)
    return max((now - newest).total_seconds() / 86_400, 0.0)


def _agreement(told: Sequence[Mapping[str, Any]]) -> float:
    newest = {item["source"]: item["value"] for item in told}
    if len(newest) == 1:
        return SINGLE_SOURCE
    values = list(newest.values())
    return max(values.count(value) for value in values) / len(values)
