"""Read the form that defines a challenger: a half-life and a weight per signal type, empty = unchanged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from laboratory.contracts import REVIEW_CAPACITY, ChallengerSpec, ExperimentDraft
from signals.contracts import SignalTypeData

SECONDS_A_DAY = 86_400
MAX_NAME = 120


@dataclass
class ChallengerForm:
    """What was typed, the draft that it gives, and per field what is wrong with it."""

    given: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def read_draft(self, types: list[SignalTypeData]) -> ExperimentDraft | None:
        """Return the experiment that was asked for, or None where something is wrong."""
        name = self.given.get("name", "").strip()
        if not 1 <= len(name) <= MAX_NAME:
            self.errors["name"] = f"Give it a name of 1 to {MAX_NAME} letters."
        half_lives = {
            entry.name: round(days * SECONDS_A_DAY)
            for entry in types
            if (days := self._number(f"half_life.{entry.name}", low=0.01, high=3650)) is not None
        }
        weights = {
            entry.name: weight
            for entry in types
            if (weight := self._number(f"weight.{entry.name}", low=0, high=1000)) is not None
        }
        spec = ChallengerSpec(
            half_lives=half_lives,
            weights=weights,
            hot_threshold=self._number("hot_threshold", low=1, high=99),
        )
        capacity = self._number("review_capacity", low=1, high=10_000)
        if self.errors:
            return None
        return ExperimentDraft(name=name, challenger=spec, review_capacity=int(capacity or REVIEW_CAPACITY))

    def _number(self, name: str, *, low: float, high: float) -> float | None:
        text = self.given.get(name, "").strip().replace(",", ".")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if low <= value <= high:
            return value
        self.errors[name] = f"A number from {low:g} to {high:g}, or empty."
        return None
