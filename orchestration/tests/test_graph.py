"""Actions in the graph: for whom they are shown, and what of their evidence."""

from typing import Any
from uuid import UUID

import pytest

from compliance import erasure, subjects
from contexts import selectors
from orchestration.tests.stories import Story, heat, score_only, utc_now
from revctx.web.templatetags.revctx_ui import shorten_hash
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db


def read_graph(api_client: Any, story: Story, *scopes: str) -> dict[str, Any]:
    return api_client(*scopes).get(f"/api/accounts/{story.account_id}/graph").json()


def kinds(graph: dict[str, Any]) -> set[str]:
    return {node["kind"] for node in graph["nodes"]}


def signals_of(story: Story, subject_id: UUID) -> set[str]:
    score = selectors.get_score(account_id=story.account_id, as_of=utc_now())
    own = (part for part in score.contributions if part.subject_id == subject_id)
    return {str(signal_id) for part in own for signal_id in part.signal_ids}


class TestScopes:
    def test_who_may_not_read_actions_gets_none(self, api_client: Any) -> None:
        story = heat()

        closed = read_graph(api_client, story, "accounts:read")
        opened = read_graph(api_client, story, "accounts:read", "actions:read")

        assert kinds(opened) - kinds(closed) == {"action"}
        assert "proposed_for" not in {edge["relation"] for edge in closed["edges"]}
        assert str(story.action.id) not in str(closed)

    @pytest.mark.parametrize(("role", "may_read"), [("reviewer", True), ("privacy_officer", False)])
    def test_a_page_shows_and_links_what_the_reader_may_open(self, role: str, may_read: bool) -> None:
        story = heat()
        browser, path = sign_in(role), f"/accounts/{story.account_id}"

        graph, timeline, account = (
            browser.get(f"{path}{part}").content.decode() for part in ("/graph", "/timeline", "")
        )

        assert (str(story.action.id) in graph) is may_read
        for page in (graph, timeline, account):
            assert ('href="/signals/' in page) is may_read
        assert any(
            shorten_hash(signal_id) in account for signal_id in signals_of(story, story.action.subject_id)
        )


class TestErasure:
    def test_evidence_of_another_person_is_gone_from_edges_and_labels(self, api_client: Any) -> None:
        score_only("graph-two", ["demo_requested", "meeting_booked"], email="other@buyer.test")
        other = subjects.find_subject(email="other@buyer.test")
        kept = ("opportunity_stage_changed", "pricing_page_view", "trial_started", "usage_limit_reached")
        story = heat(crm_id="graph-two", types=kept)
        theirs = signals_of(story, other)
        scopes = ("accounts:read", "actions:read")
        assert self._cited(read_graph(api_client, story, *scopes)) & theirs
        assert "Demo" in self._read_rail()

        erasure.erase(subject_id=other, actor="user:1", now=utc_now())

        graph = read_graph(api_client, story, *scopes)
        assert self._cited(graph)
        assert not [signal_id for signal_id in theirs if signal_id in str(graph)]
        assert "Demo" not in self._read_rail()

    def _cited(self, graph: dict[str, Any]) -> set[str]:
        proposed = (edge for edge in graph["edges"] if edge["relation"] == "proposed_for")
        return {signal_id for edge in proposed for signal_id in edge["signal_ids"]}

    def _read_rail(self) -> str:
        [item] = sign_in("reviewer").get("/approvals").context["rail"]
        return item.action.headline
