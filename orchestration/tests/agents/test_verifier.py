"""What the verifier lets through and what it stops."""

import pytest

from orchestration.agents.protocol import DraftConfig
from orchestration.agents.schema import Sentence
from orchestration.agents.verifier import check_edited, verify
from orchestration.contracts import Span
from orchestration.tests.factories import make_draft, make_letter, make_pack

CONFIG = DraftConfig(words=(40, 130))


def _failed(draft: object, *facts: dict[str, object]) -> set[str]:
    pack = make_pack(*(facts or ({},)))
    return {check.code for check in verify(draft, pack, CONFIG) if not check.ok}


def _claim(text: str, *refs: str, kind: str = "claim") -> Sentence:
    return Sentence(paragraph=1, kind=kind, text=text, signal_ids=list(refs))


def _with(*sentences: Sentence) -> object:
    draft = make_draft()
    return draft.model_copy(update={"sentences": [*sentences, *draft.sentences]})


class TestVerify:
    def test_a_sound_draft_passes(self) -> None:
        assert _failed(make_draft()) == set()

    def test_a_claim_without_a_signal_is_stopped(self) -> None:
        assert "uncited" in _failed(_with(_claim("Your team is growing.")))

    def test_a_reference_that_is_not_in_the_pack_is_stopped(self) -> None:
        assert "unknown_reference" in _failed(_with(_claim("Plans came up.", "s9")))

    @pytest.mark.parametrize(
        "text",
        [
            "You looked 12 times.",
            "It rose by 3.5 since then.",
            "It happened on 19 November.",
            "It happened in March.",
            "It was on Friday.",
            "There were seven of them.",
            "Your colleague Robert asked.",
            "We heard about Initech from you.",
            "Costs of $1,200 came up.",
        ],
    )
    def test_what_the_cited_fact_does_not_hold_is_stopped(self, text: str) -> None:
        assert "unsupported" in _failed(_with(_claim(text, "s1")))

    def test_numbers_dates_and_codes_of_the_cited_facts_pass(self) -> None:
        text = (
            "The limit of 1,200 flows was reached 3 times in November 2026, and Kafka is in use at Northwind."
        )
        facts = {"signal_count": 3, "attributes": {"limit": 1200, "technology": "kafka"}}

        assert _failed(_with(_claim(text, "s1")), facts) == set()

    def test_a_number_of_another_fact_does_not_count(self) -> None:
        draft = _with(_claim("The limit of 50 was reached.", "s2"))

        assert "unsupported" in _failed(draft, {"attributes": {"limit": 50}}, {"type": "trial_started"})

    def test_people_and_counts_of_one_type_add_up(self) -> None:
        draft = _with(_claim("Three people looked at plans 7 times.", "s1", "s2", "s3"))

        assert _failed(draft, {"signal_count": 4}, {"signal_count": 2}, {"signal_count": 1}) == set()

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("I saw you visited our pricing page.", "banned"),
            ("Results are guaranteed for every team.", "banned"),
            ("See https://evil.example/now for more.", "link"),
            ("See evil-site.com for more.", "link"),
            ("Write to me at mia@vendor.example please.", "link"),
            ("Call me: +49 30 1234 5678.", "link"),
            ("Plans\u200b came up.", "invisible"),
            ("Plans\u202e came up.", "invisible"),
        ],
    )
    def test_what_may_never_be_sent(self, text: str, code: str) -> None:
        assert code in _failed(_with(_claim(text, "s1")))

    def test_length_and_subject_are_bounded(self) -> None:
        assert _failed(make_draft(subject="x" * 61)) == {"subject_length"}
        assert "length" in _failed(make_draft(sentences=[_claim("Plans came up.", "s1")]))

    def test_the_subject_is_held_to_the_cited_facts_too(self) -> None:
        assert "unsupported" in _failed(make_draft(subject="Your 9 questions"))
        assert "unsupported" in _failed(make_draft(subject="About Initech and plans"))


class TestCheckEdited:
    def test_a_new_number_is_a_warning_and_a_link_is_refused(self) -> None:
        letter = make_letter(
            paragraphs=[[Span(text="It costs 400 a month, see www.x.example.", kind="edited")]]
        )

        checks = check_edited(letter, make_pack({}), DraftConfig(words=(1, 100)))

        failed = {check.code: check.blocking for check in checks if not check.ok}
        assert failed == {"edited": False, "unsupported": False, "link": True}
