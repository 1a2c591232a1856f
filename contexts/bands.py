"""Bands of the intent: hysteresis, dwell and cool-down. Pure: no Django, no clock, no I/O."""

from datetime import datetime, timedelta
from typing import NamedTuple

from contexts.scoring_config import WeightConfigData

BANDS = ("cold", "warm", "hot")
HOT = BANDS[2]


class PastBand(NamedTuple):
    """The band that an account was in, and when it last entered or left the hot one (None: never)."""

    band: str = BANDS[0]
    crossed_at: datetime | None = None

    @property
    def entered_at(self) -> datetime | None:
        """Since when the account is hot; None when it is not."""
        return self.crossed_at if self.band == HOT else None

    def held_seconds(self, at: datetime) -> float | None:
        """Return how long the hot band had been entered or left for at a later moment."""
        return (at - self.crossed_at).total_seconds() if self.crossed_at else None


def choose_band(
    *,
    previous: str,
    exact: float,
    weight: WeightConfigData,
    held_seconds: float | None = None,
    is_damped: bool = False,
) -> str:
    """Return cold, warm or hot.

    Hysteresis: a band is entered at its threshold and left below `leave_ratio` of it. `held_seconds` is how
    long ago the hot band was last entered or left (None: never): a hot account stays hot until its dwell is
    over, unless negative evidence damps it; one that has cooled down is warm at most until its cool-down is.
    """
    rank = BANDS.index(previous) if previous in BANDS else 0
    band = BANDS[0]
    for candidate, threshold in ((2, weight.hot_threshold), (1, weight.warm_threshold)):
        if exact >= (threshold if candidate > rank else threshold * weight.leave_ratio):
            band = BANDS[candidate]
            break
    if held_seconds is None or (band == HOT) == (previous == HOT):
        return band
    if previous == HOT:
        return HOT if held_seconds < weight.dwell_seconds and not is_damped else band
    return BANDS[1] if held_seconds < weight.cool_down_seconds else band


def last_moment(
    *, falls_below: datetime | None, entered_at: datetime | None, is_damped: bool, weight: WeightConfigData
) -> datetime | None:
    """Return until when a hot account stays hot if nothing else arrives.

    That is when the intent falls below the leaving level (None: it has), but not before the dwell that began
    at `entered_at` is over. None when neither holds it.
    """
    if entered_at is None or is_damped:
        return falls_below
    dwelt = entered_at + timedelta(seconds=weight.dwell_seconds)
    return dwelt if falls_below is None or dwelt > falls_below else falls_below
