"""The budget of a pack holds, whatever there is to choose from, and its tokens are counted with care."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexts.contracts import ContextPack, PackContact, PackFact
from contexts.packing import Candidate, choose, measure_worth
from contexts.prompts import cost_of_contact, cost_of_fact, count_tokens, name_persons, render_prompt
from contexts.tokens import estimate_tokens

NOW = datetime(2026, 5, 4, tzinfo=UTC)
candidates = st.lists(
    st.builds(
        Candidate,
        key=st.tuples(st.text(max_size=3), st.uuids().map(str)),
        value=st.floats(0, 1),
        tokens=st.integers(1, 300),
    ),
    max_size=30,
)
words = st.text(max_size=20)
values = words | st.integers() | st.floats(0, 1e9)


class TestChoose:
    @settings(max_examples=60)
    @given(candidates=candidates, budget=st.integers(0, 2_000))
    def test_the_budget_holds_and_value_per_token_decides(self, candidates, budget):
        chosen, left = choose(candidates, budget=budget)

        used = sum(item.tokens for item in chosen)
        assert used <= budget
        assert sorted(chosen + left, key=lambda c: c.key) == sorted(candidates, key=lambda c: c.key)
        assert [c.density for c in chosen] == sorted((c.density for c in chosen), reverse=True)
        for out in left:  # whoever was left out would not have fitted beside those worth more a token
            better = sum(c.tokens for c in chosen if (-c.density, c.key) < (-out.density, out.key))
            assert better + out.tokens > budget

    @settings(max_examples=40)
    @given(candidates=candidates, seed=st.randoms(use_true_random=False))
    def test_the_order_of_the_candidates_does_not_matter(self, candidates, seed):
        shuffled = candidates.copy()
        seed.shuffle(shuffled)

        assert choose(shuffled, budget=500) == choose(candidates, budget=500)


class TestMeasureWorth:
    def test_is_four_tenths_points_four_recency_two_role(self):
        whole = measure_worth(points=10, total=10, age_hours=0, role="c_level")
        old = measure_worth(points=10, total=10, age_hours=168, role=None)

        assert (whole.value, whole.reason) == (pytest.approx(1.0), "points")
        assert old.value == pytest.approx(0.6)
        assert measure_worth(points=0, total=0, age_hours=1e6, role="vp").reason == "role"


class TestTokens:
    @given(
        facts=st.lists(
            st.dictionaries(words, words | st.integers() | st.floats(0, 1e9), max_size=4), max_size=8
        )
    )
    def test_the_parts_of_a_pack_cost_at_least_what_the_whole_costs(self, facts):
        person = PackContact(
            contact_id=uuid4(), subject_id=uuid4(), title_class="vp", consent_allowed=False,
            consent_reason="no_consent", consent_revision_id=None,
        )  # fmt: skip
        bare = ContextPack(
            id=uuid4(), content_hash="", account_id=uuid4(), account={"name": "Ünïted ☃"}, contacts=(),
            open_deals=(), last_touch=None, facts=(), excluded=(), tokens=0, max_tokens=0, created_at=NOW,
        )  # fmt: skip
        made = tuple(
            PackFact(
                ref=f"s{number}", signal_ids=(), signal_count=3, type="page_view", label="Page view",
                subject_id=person.subject_id, occurred_at=NOW - timedelta(hours=number), points=1.25,
                attributes=attributes,
            )
            for number, attributes in enumerate(facts, start=1)
        )  # fmt: skip
        whole = ContextPack(**{**bare.__dict__, "contacts": (person,), "facts": made})

        parts = count_tokens(bare) + cost_of_contact(person)
        parts += sum(cost_of_fact(fact, name_persons((person,))) for fact in made)

        assert count_tokens(whole) <= parts
        assert count_tokens(whole) == estimate_tokens(render_prompt(whole))

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [("", 0), ("page", 1), ("opportunity", 3), ("2026", 2), ('{"a":1}', 7), ("two words", 3), ("é", 2)],
    )
    def test_is_counted_by_runs(self, text, tokens):
        assert estimate_tokens(text) == tokens
