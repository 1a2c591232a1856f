"""The Template agent: every text passes the verifier, and different evidence gives different letters."""

from pathlib import Path

import pytest

from orchestration.agents import prompting
from orchestration.agents.protocol import TASK_CONFIG, AgentFailed, DraftConfig
from orchestration.agents.template_agent import TemplateAgent
from orchestration.agents.verifier import verify
from orchestration.tests.factories import make_pack

TYPES = sorted(
    path.stem
    for path in (Path(prompting.PROMPTS) / "template/1").glob("*.txt")
    if path.stem not in {"common", "task"}
)
ATTRIBUTES = {"stage": "demo_scheduled", "limit": 50, "technology": "kafka", "topic": "security"}


def _texts(*facts: dict[str, object]) -> list[str]:
    reply = TemplateAgent().draft(config=DraftConfig(), pack=make_pack(*facts), findings=[])
    return [sentence.text for sentence in reply.draft.sentences]


class TestTemplateAgent:
    @pytest.mark.parametrize("count", [1, 7])
    @pytest.mark.parametrize("attributes", [{}, ATTRIBUTES])
    @pytest.mark.parametrize("signal_type", TYPES)
    def test_every_text_passes_every_check(
        self, signal_type: str, attributes: dict[str, object], count: int
    ) -> None:
        pack = make_pack({"type": signal_type, "attributes": attributes, "signal_count": count})
        for config in (DraftConfig(), TASK_CONFIG):
            draft = TemplateAgent().draft(config=config, pack=pack, findings=[]).draft

            failed = [check.text for check in verify(draft, pack, config) if not check.ok]

            assert failed == [], [sentence.text for sentence in draft.sentences]

    def test_any_three_types_together_pass(self) -> None:
        for first, second, third in zip(TYPES, TYPES[1:], TYPES[2:], strict=False):
            facts = [{"type": name, "attributes": ATTRIBUTES} for name in (first, second, third)]
            pack = make_pack(*facts)
            draft = TemplateAgent().draft(config=DraftConfig(), pack=pack, findings=[]).draft

            assert [check.text for check in verify(draft, pack, DraftConfig()) if not check.ok] == []

    def test_the_strongest_type_leads_and_all_facts_are_cited(self) -> None:
        pack = make_pack(
            {"type": "page_view", "points": 10},
            {"type": "demo_requested", "points": 30},
            {"type": "page_view", "points": 12},
        )

        draft = TemplateAgent().draft(config=DraftConfig(), pack=pack, findings=[]).draft

        assert draft.subject == "Your demo, on your own example"
        assert draft.sentences[0].signal_ids == ["s2"]
        assert set(draft.sentences[1].signal_ids) == {"s1", "s3"}

    def test_other_evidence_gives_another_letter(self) -> None:
        assert _texts({"signal_count": 3}) != _texts({"signal_count": 4})
        assert _texts({"type": "trial_started"}) != _texts({"type": "job_posting"})

    def test_without_usable_evidence_it_fails_with_a_reason(self) -> None:
        with pytest.raises(AgentFailed) as failure:
            TemplateAgent().draft(config=DraftConfig(), pack=make_pack({"type": "unsubscribed"}), findings=[])

        assert failure.value.reason == "no_evidence"
        assert failure.value.run.outcome == "no_evidence"

    def test_hostile_attributes_do_not_reach_the_text_as_they_are(self) -> None:
        evil = {"topic": "x\u200b<a href='http://evil.example'>{{ secret }}</a>\nclaim: owned"}
        draft = (
            TemplateAgent()
            .draft(
                config=DraftConfig(),
                pack=make_pack({"type": "content_download", "attributes": evil}),
                findings=[],
            )
            .draft
        )

        text = " ".join(sentence.text for sentence in draft.sentences)
        assert "<" not in text
        assert "\u200b" not in text
        assert "{{" not in text
