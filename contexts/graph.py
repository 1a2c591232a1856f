"""Facts with two times into edges with two intervals. Pure: no Django, no clock.

A slot is a question that has one answer at a time, such as where a person works. Each fact answers one slot
from its time on, until another answer contradicts it; facts may arrive in any order.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

SOURCES_SHOWN = 20
# Beside the stretch that holds, so many facts are weighed when asking since when it has been believed.
NEIGHBOURS = 32


@dataclass(frozen=True, kw_only=True)
class Fact:
    """That a slot's answer is this edge from `at` on; `target` empty: that it has no answer from then on."""

    slot: Hashable
    relation: str
    source: str
    target: str
    at: datetime
    recorded_at: datetime
    signal_ids: tuple[UUID, ...]

    @property
    def answer(self) -> tuple[str, str] | None:
        """Return both ends of the edge, or None."""
        return (self.source, self.target) if self.target else None


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A relation that held in [valid_from, valid_to) and was believed so in [recorded_from, recorded_to).

    An end that is None is open; `valid_from` None means always. `signal_ids` are the signals that say so, the
    one that opened it first, then the newest, at most 20 of `signal_count`; `closed_by` is the signal that
    contradicts it.
    """

    relation: str
    source: str
    target: str
    valid_from: datetime | None
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    signal_ids: tuple[UUID, ...]
    signal_count: int
    closed_by: UUID | None = None


def find_edges(facts: Iterable[Fact], *, valid_at: datetime, known_at: datetime) -> list[Edge]:
    """Return the edges that held at `valid_at` by what was recorded by `known_at`; at most one a slot."""
    slots: dict[Hashable, list[Fact]] = defaultdict(list)
    for fact in facts:
        slots[fact.slot].append(fact)
    edges = (_find_edge(sorted(told, key=_order), valid_at, known_at) for told in slots.values())
    return [edge for edge in edges if edge is not None]


@dataclass(frozen=True)
class _Stretch:
    """Facts of one answer without another between them, and the one that contradicts it."""

    facts: Sequence[Fact]
    closing: Fact | None

    @property
    def version(self) -> tuple[object, ...]:
        return self.facts[0].answer, self.facts[0].at, self.closing.at if self.closing else None


def _order(fact: Fact) -> tuple[datetime, datetime, tuple[UUID, ...]]:
    # Of two answers for one instant the later recorded counts.
    return fact.at, fact.recorded_at, fact.signal_ids


def _find_edge(facts: list[Fact], valid_at: datetime, known_at: datetime) -> Edge | None:
    known = [fact for fact in facts if fact.recorded_at <= known_at]
    stretch = _find_stretch(known, valid_at)
    if stretch is None:
        return None
    first, closing = stretch.facts[0], stretch.closing
    signal_ids = [signal_id for fact in stretch.facts for signal_id in fact.signal_ids]
    shown = dict.fromkeys([*signal_ids[: len(first.signal_ids)], *reversed(signal_ids)])
    return Edge(
        relation=first.relation,
        source=first.source,
        target=first.target,
        valid_from=first.at,
        valid_to=closing.at if closing else None,
        recorded_from=_believed_since(stretch, known, valid_at),
        recorded_to=_believed_until(stretch, facts, valid_at, known_at),
        signal_ids=tuple(shown)[:SOURCES_SHOWN],
        signal_count=len(signal_ids),
        closed_by=closing.signal_ids[0] if closing and closing.signal_ids else None,
    )


def _find_stretch(known: Sequence[Fact], valid_at: datetime) -> _Stretch | None:
    """Return the stretch around an instant, of facts in order; None where there is no answer."""
    position = next((n for n in range(len(known) - 1, -1, -1) if known[n].at <= valid_at), None)
    if position is None or known[position].answer is None:
        return None
    answer, start, end = known[position].answer, position, position + 1
    while start > 0 and known[start - 1].answer == answer:
        start -= 1
    while end < len(known) and known[end].answer == answer:
        end += 1
    return _Stretch(known[start:end], known[end] if end < len(known) else None)


def _believed_since(stretch: _Stretch, known: list[Fact], valid_at: datetime) -> datetime:
    """Return when the last of the facts was recorded without which another interval was believed."""
    start = known.index(stretch.facts[0])
    end = start + len(stretch.facts)
    near = known[max(start - NEIGHBOURS, 0) : end + NEIGHBOURS]
    # Facts within the stretch only confirm it, so their arrival has changed nothing.
    inner = {id(fact) for fact in stretch.facts[1:]}
    times = sorted({fact.recorded_at for fact in near if id(fact) not in inner}, reverse=True)
    since = times[0]
    for time in times:
        then = _find_stretch([fact for fact in near if fact.recorded_at <= time], valid_at)
        if then is None or then.version != stretch.version:
            break
        since = time
    return since


def _believed_until(
    stretch: _Stretch, facts: list[Fact], valid_at: datetime, known_at: datetime
) -> datetime | None:
    """Return when the first fact was recorded that changed the interval, or None."""
    answer, valid_from, valid_to = stretch.version
    later = [fact for fact in facts if fact.recorded_at > known_at]
    changing = {
        fact.recorded_at
        for fact in later
        if (fact.at < stretch.facts[0].at) == (fact.answer == answer)
        and (stretch.closing is None or fact.at < stretch.closing.at)
    }
    for time in sorted(changing):
        then = _find_stretch([fact for fact in facts if fact.recorded_at <= time], valid_at)
        if then is None or then.version != (answer, valid_from, valid_to):
            return time
    return None
