"""Print what a ranking came to, as Markdown tables and as JSON values. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from laboratory.comparison import Interval
from laboratory.ranking import COUNT, LINEAR, PRODUCT, OutcomeResult, RankingResult

COLUMNS = (PRODUCT, COUNT, LINEAR, f"{PRODUCT}-{COUNT}", f"{PRODUCT}-{LINEAR}")
TITLES = {
    PRODUCT: "product's score",
    COUNT: "signals in 30 days",
    LINEAR: "linear decay",
    f"{PRODUCT}-{COUNT}": "product − count",
    f"{PRODUCT}-{LINEAR}": "product − linear",
}
ROWS = {
    "tau.deals": "τ-b, deals won",
    "tau.value": "τ-b, value won",
    "lift.deals": "lift of the top, deals won",
    "lift.value": "lift of the top, value won",
}


def print_markdown(rankings: Sequence[RankingResult], outcomes: OutcomeResult) -> Iterator[str]:
    """Yield the lines of a report; every number stands with its 95 % interval."""
    for ranking in rankings:
        yield (
            f"As of {ranking.as_of:%Y-%m-%d %H:%M}, against what was won until "
            f"{ranking.until:%Y-%m-%d %H:%M} UTC: "
            f"{ranking.accounts} accounts, {ranking.deals:,} deals worth {ranking.value:,.0f}."
        )
        yield ""
        yield from _print_table(ROWS, ranking.numbers)
    yield (
        f"Closed deals by the score just before they closed: {outcomes.won:,} won and {outcomes.lost:,} lost "
        f"of {outcomes.accounts} accounts."
    )
    yield ""
    yield from _print_table({"auc": "AUC, won against lost"}, outcomes.numbers)


def _print_table(rows: Mapping[str, str], numbers: Mapping[str, Interval]) -> Iterator[str]:
    yield f"| | {' | '.join(TITLES[column] for column in COLUMNS)} |"
    yield f"|---|{'---|' * len(COLUMNS)}"
    for head, title in rows.items():
        yield f"| {title} | {' | '.join(_print_interval(numbers[f'{head}.{c}']) for c in COLUMNS)} |"
    yield ""


def _print_interval(found: Interval) -> str:
    if math.isnan(found.estimate):
        return "undefined"
    return f"{found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})".replace("-", "−")


def to_json(rankings: Sequence[RankingResult], outcomes: OutcomeResult) -> dict[str, Any]:
    """Return both as JSON values; a number that is undefined is null."""
    return {
        "rankings": [
            {**asdict(ranking), "as_of": ranking.as_of.isoformat(), "until": ranking.until.isoformat()}
            | {"numbers": _plain(ranking.numbers)}
            for ranking in rankings
        ],
        "outcomes": asdict(outcomes) | {"numbers": _plain(outcomes.numbers)},
    }


def _plain(numbers: Mapping[str, Interval]) -> dict[str, list[float | None]]:
    return {
        name: [None if math.isnan(value) else value for value in (found.estimate, found.low, found.high)]
        for name, found in sorted(numbers.items())
    }
