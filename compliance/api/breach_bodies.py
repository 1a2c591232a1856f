"""Bodies of the breach endpoints."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from compliance.breaches.affected import Summary
from revctx.api.schemas import RequestModel, ResponseModel
from revctx.api.times import Instant


class BreachCreate(RequestModel):
    """A breach of personal data."""

    summary: str = Field(
        min_length=1, max_length=1000, description="What happened; name no person: this text is not sealed."
    )
    nature: str = Field(max_length=16, description="confidentiality, integrity or availability.")
    risk: str = Field(max_length=16, description="For the persons: unlikely, risk or high.")
    places: list[str] = Field(
        min_length=1, max_length=50, description="Places of the records of processing that were reached."
    )
    recorded_from: Instant | None = Field(
        default=None, description="Only what was recorded since; without it, from the beginning."
    )
    recorded_until: Instant = Field(
        description="Only what was recorded before, such as the end of the attack."
    )
    aware_at: Instant = Field(description="When it became known here; the 72 hours run from then.")


class BreachDecision(RequestModel):
    """What was done about a breach."""

    move: str = Field(
        max_length=32, description="reported, report_waived, persons_told, telling_waived, closed."
    )
    code: str = Field(default="", max_length=32, description="The reason, where something is late or waived.")


class BreachResponse(ResponseModel):
    """Where a breach stands."""

    id: UUID
    summary: str
    nature: str
    risk: str
    places: list[str]
    recorded_from: datetime | None
    recorded_until: datetime
    aware_at: datetime
    authority_due_at: datetime
    authority_notified_at: datetime | None
    authority_code: str
    persons_told_at: datetime | None
    persons_code: str
    closed_at: datetime | None


class BreachPage(ResponseModel):
    """A page of breaches."""

    next: str | None
    results: list[BreachResponse]


class AffectedSummary(ResponseModel):
    """How many persons are concerned; each counts once in `persons` and once in each of their places."""

    persons: int
    erased: int = Field(description="Were concerned and are erased: nobody can tell them any more.")
    by_place: dict[str, int]
    by_jurisdiction: dict[str, int]

    @classmethod
    def of(cls, summary: Summary) -> AffectedSummary:
        """Print the counts."""
        return cls.model_validate(summary)
