from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.breaches import rules
from compliance.breaches.rules import Decision, DecisionRefused, Standing

AWARE = datetime(2026, 3, 27, 22, 15, tzinfo=UTC)  # a Friday night before the clocks change
DUE = AWARE + timedelta(hours=72)


def standing(authority=False, persons=False, closed=False):
    return Standing(
        authority_due_at=DUE,
        is_authority_settled=authority,
        are_persons_settled=persons,
        is_closed=closed,
    )


def test_the_clock_runs_through_weekends_and_clock_changes():
    assert rules.authority_due(AWARE) == datetime(2026, 3, 30, 22, 15, tzinfo=UTC)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=1)])
def test_a_late_report_needs_a_reason_and_one_in_time_needs_none(late):
    now = DUE + late
    if not late:
        rules.check(Decision.NOTIFY_AUTHORITY, standing(), code="", now=now)
        return
    with pytest.raises(DecisionRefused) as refused:
        rules.check(Decision.NOTIFY_AUTHORITY, standing(), code="", now=now)
    assert refused.value.field == "code"
    rules.check(Decision.NOTIFY_AUTHORITY, standing(), code="investigation", now=now)


@given(st.lists(st.sampled_from(list(Decision)), max_size=12))
def test_ends_closed_only_after_both_were_settled_and_nothing_follows(decisions):
    codes = {decision: reasons[0] for decision, reasons in rules.WAIVER_REASONS.items()}
    settled, taken = {"authority": False, "persons": False, "closed": False}, []
    for decision in decisions:
        try:
            rules.check(decision, standing(**settled), code=codes.get(decision, ""), now=AWARE)
        except DecisionRefused:
            continue
        taken.append(decision)
        settled["authority"] |= decision in (Decision.NOTIFY_AUTHORITY, Decision.WAIVE_AUTHORITY)
        settled["persons"] |= decision in (Decision.NOTIFY_PERSONS, Decision.WAIVE_PERSONS)
        settled["closed"] |= decision is Decision.CLOSE
    assert len(taken) <= 3
    if Decision.CLOSE in taken:
        assert taken.index(Decision.CLOSE) == 2
