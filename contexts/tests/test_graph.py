"""Facts with two times into edges with two intervals."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexts.graph import Fact, find_edges

START = datetime(2026, 3, 1, tzinfo=UTC)


def on(day: float) -> datetime:
    return START + timedelta(days=day)


def tell(target: str, at: float, recorded: float | None = None, *, number: int = 0) -> Fact:
    return Fact(
        slot="works_at p",
        relation="works_at",
        source="p",
        target=target,
        at=on(at),
        recorded_at=on(at if recorded is None else recorded),
        signal_ids=(UUID(int=number or int(at * 10)),),
    )


def see(facts, valid: float, known: float = 1000):
    """Return target, validity and belief in days, or None."""
    edges = find_edges(facts, valid_at=on(valid), known_at=on(known))
    if not edges:
        return None
    [edge] = edges
    times = (edge.valid_from, edge.valid_to, edge.recorded_from, edge.recorded_to)
    return edge.target, *[None if at is None else (at - START) / timedelta(days=1) for at in times]


# (facts, valid at, known at, what is seen)
STORIES = {
    "nothing before the first": ([tell("a", 5)], 4, 1000, None),
    "open until contradicted": ([tell("a", 5)], 9, 1000, ("a", 5, None, 5, None)),
    "confirmed, from the first on": ([tell("a", 5), tell("a", 7)], 9, 1000, ("a", 5, None, 5, None)),
    "contradicted": ([tell("a", 5), tell("b", 7)], 6, 1000, ("a", 5, 7, 7, None)),
    "what came after": ([tell("a", 5), tell("b", 7)], 7, 1000, ("b", 7, None, 7, None)),
    "ended by nothing": ([tell("a", 5), tell("", 7)], 8, 1000, None),
    "and begun again": ([tell("a", 5), tell("", 7), tell("a", 8)], 8, 1000, ("a", 8, None, 8, None)),
    "a late fact is unseen before it was recorded": ([tell("a", 5, 20)], 9, 19, None),
    "and seen from then on": ([tell("a", 5, 20)], 9, 20, ("a", 5, None, 20, None)),
    "a late end was not believed before": ([tell("a", 5), tell("b", 7, 20)], 9, 19, ("a", 5, None, 5, 20)),
    "and is after": ([tell("a", 5), tell("b", 7, 20)], 6, 20, ("a", 5, 7, 20, None)),
    "a late fact splits": ([tell("a", 1), tell("a", 3), tell("b", 2, 5)], 4, 6, ("a", 3, None, 5, None)),
    "which was one before": ([tell("a", 1), tell("a", 3), tell("b", 2, 5)], 4, 4, ("a", 1, None, 1, 5)),
    "a late beginning": ([tell("a", 3), tell("a", 1, 5)], 4, 4, ("a", 3, None, 3, 5)),
    "two answers for one instant: the later recorded": (
        [tell("a", 3, 3), tell("b", 3, 4, number=99)], 5, 9, ("b", 3, None, 4, None),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "valid", "known", "seen"), STORIES.values(), ids=STORIES)
def test_stories(facts, valid, known, seen):
    assert see(facts, valid, known) == seen


DAYS = st.integers(0, 6)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), DAYS, DAYS), max_size=9), DAYS, DAYS)
def test_an_edge_is_believed_exactly_as_long_as_it_says(told, valid, known):
    facts = [tell(target, at, at + late, number=n + 1) for n, (target, at, late) in enumerate(told)]
    seen = see(facts, valid, known)

    assert see(facts[::-1], valid, known) == seen, "the order of arrival matters"
    assert see([fact for fact in facts if fact.recorded_at <= on(known)], valid, known) == (
        seen and (*seen[:4], None)
    ), "what was recorded later is known"
    if seen is None:
        return
    _, since, until, believed, doubted = seen
    for day in range(14):
        then = see(facts, valid, day)
        same = then is not None and then[:3] == seen[:3]
        if believed <= day and (doubted is None or day < doubted):
            assert same
            assert then == seen
    assert see(facts, valid, believed - 0.5) is None or see(facts, valid, believed - 0.5)[:3] != seen[:3]
    assert doubted is None or (see(facts, valid, doubted) or ())[:3] != seen[:3]
    for inside in (since, (since + min(until or 9, 9)) / 2):
        assert inside == until or see(facts, inside, known) == seen, "another edge within its interval"
