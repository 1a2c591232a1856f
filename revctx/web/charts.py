"""Geometry of the charts: pure numbers in, SVG attribute values out. No Django here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

Point = tuple[datetime, float]


@dataclass(frozen=True)
class Line:
    """A line in a box of 100 by 100 that the page stretches to its own size.

    `end_x`, `end_y` and `threshold_y` are per cent of the box, downwards.
    """

    path: str
    end_x: float
    end_y: float
    threshold_y: float | None
    low: float
    high: float


def draw_line(points: Sequence[Point], *, threshold: float | None, low: float, high: float) -> Line | None:
    """Place scores over time in the box; None where there are fewer than two points.

    Args:
        points: instants and scores, oldest first.
        threshold: a score to mark, or None.
        low: the score at the bottom of the box.
        high: the score at its top.
    """
    if len(points) < 2 or high <= low:
        return None
    start, end = points[0][0], points[-1][0]
    seconds = (end - start).total_seconds() or 1.0
    places = [(100 * (at - start).total_seconds() / seconds, _down(score, low, high)) for at, score in points]
    path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in places)
    threshold_y = None if threshold is None else _down(threshold, low, high)
    return Line(path, places[-1][0], places[-1][1], threshold_y, low, high)


def fit_range(points: Sequence[Point], *, threshold: float | None) -> tuple[float, float]:
    """Return the scores at the bottom and top of a small chart, so that its shape fills it."""
    scores = [score for _, score in points] + ([] if threshold is None else [threshold])
    if not scores:
        return 0.0, 100.0
    low, high = min(scores), max(scores)
    margin = max((high - low) * 0.08, 2.0)
    return max(low - margin, 0.0), min(high + margin, 100.0)


@dataclass(frozen=True)
class Whisker:
    """An interval with its estimate, all in per cent of the width."""

    low: float
    middle: float
    high: float
    zero: float


def draw_whisker(low: float, middle: float, high: float, *, span: float) -> Whisker:
    """Place an interval on an axis from −span to +span; what lies outside stops at the edge."""
    return Whisker(_across(low, span), _across(middle, span), _across(high, span), zero=50.0)


def widest(values: Sequence[float]) -> float:
    """Return the span that shows all of these values on one axis around zero."""
    return max((abs(value) for value in values), default=0.0) * 1.08 or 1.0


def _down(score: float, low: float, high: float) -> float:
    share = (score - low) / (high - low)
    return round(100 * (1 - min(max(share, 0.0), 1.0)), 2)


def _across(value: float, span: float) -> float:
    return round(50 + 50 * min(max(value / span, -1.0), 1.0), 2)
