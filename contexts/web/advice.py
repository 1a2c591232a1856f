"""What would raise an account's score, for the page of the account."""

from dataclasses import dataclass

from contexts import selectors
from contexts.contracts import ScoreExplanation
from contexts.raising import Kind, Raise, WouldRaise
from signals.selectors import list_types

SHOWN = 6


@dataclass(frozen=True)
class Advice:
    """What the section shows: the strongest kinds with their labels, and the fewest for the next band."""

    found: WouldRaise
    lines: list[tuple[str, Raise]]
    fewest: list[tuple[str, int]]


def find_advice(explained: ScoreExplanation) -> Advice:
    """Return the advice for the account and the moment of a score."""
    found = selectors.get_would_raise(account_id=explained.account_id, as_of=explained.as_of)
    labels = {entry.name: entry.label for entry in list_types()}
    strongest: dict[str, Raise] = {}  # of the stages of a deal the strongest alone
    for item in found.raises:
        strongest.setdefault(item.kind.type, item)
    return Advice(
        found=found,
        lines=[(_label(item.kind, labels), item) for item in list(strongest.values())[:SHOWN]],
        fewest=[(_label(kind, labels), count) for kind, count in found.fewest],
    )


def _label(kind: Kind, labels: dict[str, str]) -> str:
    label = labels.get(kind.type, kind.type)
    return f"{label}: {kind.stage.replace('_', ' ')}" if kind.stage else label
