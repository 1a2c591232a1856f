"""What the laboratory takes from its doors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

REVIEW_CAPACITY = 20
BACKFILL_AFTER_HOURS = 24
SEED = 1


@dataclass(frozen=True, kw_only=True)
class ChallengerSpec:
    """What a challenger does differently; everything left out stays as in the active configuration.

    Half-lives in seconds, weights in points ≥ 0, thresholds in points 0…100, `rho` in points.
    """

    half_lives: Mapping[str, int] = field(default_factory=dict)
    default_half_life: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    saturations: Mapping[str, float] = field(default_factory=dict)
    stage_strengths: Mapping[str, float] = field(default_factory=dict)
    hot_threshold: float | None = None
    warm_threshold: float | None = None
    rho: float | None = None


@dataclass(frozen=True, kw_only=True)
class ExperimentDraft:
    """An experiment as somebody asked for it.

    Attributes:
        window_start: crossings before it don't count; None counts from the first signal.
        window_end: None for `known_at`.
        known_at: signals received later are not seen; None for now.
        review_capacity: k of precision@k, in accounts.
        backfill_after_hours: a signal received this much later than it occurred counts as history
            that was loaded afterwards, and is replayed at the time when it occurred.
    """

    name: str
    challenger: ChallengerSpec
    window_start: datetime | None = None
    window_end: datetime | None = None
    known_at: datetime | None = None
    review_capacity: int = REVIEW_CAPACITY
    backfill_after_hours: int = BACKFILL_AFTER_HOURS
    seed: int = SEED
