"""The table of legal moves and the two confidence numbers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.policy import (
    COUNTED_STATES,
    FINAL_STATES,
    MOVES,
    ActionFeatures,
    DraftFeatures,
    IllegalMove,
    Kind,
    Move,
    State,
    decide_kind,
    estimate_action,
    estimate_draft,
    next_state,
)

ACTION = ActionFeatures(
    intent=82,
    threshold=70,
    fit=0.8,
    quality=0.7,
    newest_age_hours=5,
    signal_types=3,
    people=2,
    role=0.7,
    last_touch_days=20,
)
DRAFT = DraftFeatures(
    citation_recall=1.0,
    points_cited_share=0.8,
    facts_cited=3,
    newest_cited_age_hours=5,
    warnings=0,
    words=90,
    words_wanted=(60, 130),
    repaired=False,
    fell_back=False,
    stated_confidence=None,
)


class TestNextState:
    def test_no_path_reaches_a_provider_without_an_approval(self) -> None:
        reachable = {None}
        moves = [move for move in Move if move is not Move.APPROVE]
        for _ in State:
            reachable |= {MOVES[m].target for s in set(reachable) for m in moves if s in MOVES[m].sources}

        assert reachable.isdisjoint({State.APPROVED, State.EXECUTING, State.EXECUTED, State.UNKNOWN})

    def test_after_a_provider_was_called_only_its_outcome_follows(self) -> None:
        for state in (State.EXECUTING, State.UNKNOWN):
            targets = {rule.target for rule in MOVES.values() if state in rule.sources}
            assert targets <= {State.EXECUTED, State.FAILED, State.UNKNOWN}

    def test_final_states_are_final(self) -> None:
        assert {
            State.EXECUTED,
            State.FAILED,
            State.REJECTED,
            State.EXPIRED,
            State.BLOCKED,
            State.CANCELLED,
            State.SUPERSEDED,
        } == FINAL_STATES

    def test_an_unsettled_email_counts_against_the_limit(self) -> None:
        assert {State.EXECUTING, State.UNKNOWN, State.EXECUTED} == COUNTED_STATES

    @given(state=st.sampled_from([None, *State]), move=st.sampled_from(list(Move)))
    def test_every_move_is_in_the_table_or_refused(self, state: State | None, move: Move) -> None:
        if state in MOVES[move].sources:
            assert next_state(state, move) is MOVES[move].target
        else:
            with pytest.raises(IllegalMove):
                next_state(state, move)


class TestDecideKind:
    def test_an_email_needs_a_consented_contact(self) -> None:
        assert decide_kind(has_consented_contact=True) is Kind.EMAIL
        assert decide_kind(has_consented_contact=False) is Kind.REVIEW_TASK


class TestEstimates:
    @pytest.mark.parametrize(
        ("better", "field"),
        [
            ({"intent": 95.0}, "intent"),
            ({"fit": 1.0}, "fit"),
            ({"quality": 0.9}, "quality"),
            ({"newest_age_hours": 1.0}, "recency"),
            ({"signal_types": 5}, "diversity"),
            ({"people": 6}, "breadth"),
            ({"role": 1.0}, "role"),
            ({"last_touch_days": 90.0}, "rested"),
        ],
    )
    def test_better_evidence_raises_p_action(self, better: dict[str, float], field: str) -> None:
        assert estimate_action(replace(ACTION, **better)) > estimate_action(ACTION), field

    @pytest.mark.parametrize(
        "worse",
        [
            {"citation_recall": 0.5},
            {"points_cited_share": 0.2},
            {"facts_cited": 1},
            {"newest_cited_age_hours": 300.0},
            {"warnings": 2},
            {"words": 61},
            {"repaired": True},
            {"fell_back": True},
            {"stated_confidence": 0.1},
        ],
    )
    def test_worse_text_lowers_p_draft(self, worse: dict[str, float]) -> None:
        assert estimate_draft(replace(DRAFT, **worse)) < estimate_draft(DRAFT)

    @given(
        intent=st.floats(0, 100),
        fit=st.floats(0, 1),
        quality=st.floats(0, 1),
        age=st.floats(0, 1e6),
        types=st.integers(0, 50),
        touch=st.none() | st.floats(0, 1e5),
    )
    def test_probabilities_stay_inside_zero_and_one(
        self, intent: float, fit: float, quality: float, age: float, types: int, touch: float | None
    ) -> None:
        features = replace(
            ACTION,
            intent=intent,
            fit=fit,
            quality=quality,
            newest_age_hours=age,
            signal_types=types,
            last_touch_days=touch,
        )

        assert 0 < estimate_action(features) < 1
