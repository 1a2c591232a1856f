"""Bodies of the laboratory's endpoints."""

import re
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, FiniteFloat

from laboratory.contracts import (
    BACKFILL_AFTER_HOURS,
    REVIEW_CAPACITY,
    SEED,
    ChallengerSpec,
    ExperimentDraft,
)
from laboratory.models import Experiment, Promotion, Run
from revctx.api.schemas import RequestModel, ResponseModel
from revctx.api.times import Instant

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_TEN_YEARS = 10 * 366 * 86_400


def _read_duration(value: Any) -> Any:
    """Return `3d`, `36h` and the like as seconds, everything else as it is."""
    found = re.fullmatch(r"(\d{1,9})([smhdw])", value) if isinstance(value, str) else None
    return int(found[1]) * _UNITS[found[2]] if found else value


HalfLife = Annotated[
    int,
    BeforeValidator(_read_duration, json_schema_input_type=int | str),
    Field(ge=1, le=_TEN_YEARS, description="Seconds, or a number with s, m, h, d or w, such as 3d."),
]
TypeName = Annotated[str, Field(min_length=1, max_length=64)]
Points = Annotated[FiniteFloat, Field(ge=0, le=1_000_000)]
Positive = Annotated[FiniteFloat, Field(gt=0, le=1_000_000)]
Threshold = Annotated[FiniteFloat, Field(gt=0, lt=100)]


class ChallengerBody(RequestModel):
    """What the challenger does differently; the rest stays as it is active."""

    half_lives: dict[TypeName, HalfLife] = Field(default_factory=dict)
    default_half_life: HalfLife | None = None
    weights: dict[TypeName, Points] = Field(default_factory=dict)
    saturations: dict[TypeName, Positive] = Field(default_factory=dict)
    stage_strengths: dict[TypeName, Points] = Field(default_factory=dict)
    hot_threshold: Threshold | None = None
    warm_threshold: Threshold | None = None
    rho: Positive | None = None

    def to_spec(self) -> ChallengerSpec:
        """Return what the service takes."""
        return ChallengerSpec(**self.model_dump())


class ExperimentRequest(RequestModel):
    """An experiment to define."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    challenger: ChallengerBody
    window_start: Instant | None = None
    window_end: Instant | None = None
    known_at: Instant | None = None
    review_capacity: Annotated[int, Field(ge=1, le=10_000)] = REVIEW_CAPACITY
    backfill_after_hours: Annotated[int, Field(ge=0, le=87_840)] = BACKFILL_AFTER_HOURS
    seed: Annotated[int, Field(ge=0, lt=2**63)] = SEED

    def to_draft(self) -> ExperimentDraft:
        """Return what the service takes."""
        values = self.model_dump(exclude={"challenger"})
        return ExperimentDraft(**values, challenger=self.challenger.to_spec())


class PromotionRequest(RequestModel):
    """Why this challenger should go into production, above all when the verdict isn't SHIP."""

    reason: Annotated[str, Field(max_length=500)] = ""


class EmptyRequest(RequestModel):
    """A body without keys."""


class RunBody(ResponseModel):
    """One replay of an experiment."""

    id: UUID
    state: str
    processed: int
    total: int | None
    failure: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the body of a stored run."""
        return cls.model_validate(run)


class ExperimentBody(ResponseModel):
    """An experiment with the state of its newest run."""

    id: UUID
    name: str
    champion: dict[str, Any]
    challenger: dict[str, Any]
    window_start: datetime | None
    window_end: datetime
    known_at: datetime
    backfill_after_hours: int
    review_capacity: int
    seed: int
    created_by: int
    created_at: datetime
    run_state: str | None = None
    verdict: str | None = None

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """Return the body of a stored experiment."""
        return cls.model_validate(experiment)


class ComparisonBody(ResponseModel):
    """What the newest run has found; metrics and manifest are null until it is done."""

    experiment_id: UUID
    run: RunBody
    verdict: str | None
    metrics: dict[str, Any] | None
    metrics_sha256: str
    manifest: dict[str, Any] | None

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the body of a run's result."""
        return cls(
            experiment_id=run.experiment_id,
            run=RunBody.of(run),
            verdict=run.metrics["verdict"] if run.metrics else None,
            metrics=run.metrics,
            metrics_sha256=run.metrics_sha256,
            manifest=run.manifest,
        )


class PromotionBody(ResponseModel):
    """A request to change production over; versions are (half-lives, weights)."""

    id: UUID
    experiment_id: UUID
    run_id: UUID
    state: str
    verdict: str
    reason: str
    decay_before: int
    weight_before: int
    decay_after: int
    weight_after: int
    proposer: int
    created_at: datetime
    expires_at: datetime
    approver: int | None
    decided_at: datetime | None
    applied_at: datetime | None
    void_reason: str
    rolled_back_by: int | None
    rolled_back_at: datetime | None
    restored_at: datetime | None

    @classmethod
    def of(cls, promotion: Promotion) -> Self:
        """Return the body of a stored promotion."""
        return cls.model_validate(promotion)
