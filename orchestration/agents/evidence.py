"""Typed facts of a pack as agents and the verifier see them: numbers, codes and dates, never raw text."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contexts.contracts import ContextPack, PackFact

_CODE = re.compile(r"[^A-Za-z0-9 .:/+#&'-]")
MAX_VALUE_LENGTH = 80


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One fact of the pack, cleaned. `count` is how many signals it stands for."""

    ref: str
    type: str
    label: str
    occurred_at: datetime
    points: float
    count: int
    person: UUID | None
    attributes: dict[str, str | int | float | bool]

    @property
    def day(self) -> str:
        """The day as a letter writes it, such as `18 November`."""
        return f"{self.occurred_at.day} {self.occurred_at:%B}"


def clean_text(text: str, *, limit: int = MAX_VALUE_LENGTH) -> str:
    """Strip control, zero-width and unassigned characters, fold spaces, cap the length."""
    visible = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in text)
    return " ".join(visible.split())[:limit]


def has_invisible(text: str) -> bool:
    """Tell whether a text holds control, format or private characters."""
    return any(unicodedata.category(character)[0] == "C" for character in text)


def _clean_value(value: Any) -> str | int | float | bool | None:
    if isinstance(value, (bool, int, float)):
        return value
    return clean_text(_CODE.sub(" ", value)).replace("_", " ") if isinstance(value, str) else None


def _clean_attributes(fact: PackFact) -> dict[str, str | int | float | bool]:
    cleaned = {clean_text(name, limit=40): _clean_value(value) for name, value in fact.attributes.items()}
    return {name: value for name, value in cleaned.items() if value is not None}


def list_evidence(pack: ContextPack) -> list[Evidence]:
    """Return the facts of a pack, the strongest first."""
    found = [
        Evidence(
            ref=fact.ref,
            type=fact.type,
            label=clean_text(fact.label),
            occurred_at=fact.occurred_at,
            points=float(fact.points),
            count=max(fact.signal_count, 1),
            person=fact.subject_id,
            attributes=_clean_attributes(fact),
        )
        for fact in pack.facts
    ]
    return sorted(found, key=lambda item: (-item.points, item.ref))
