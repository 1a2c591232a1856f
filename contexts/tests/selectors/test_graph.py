"""The graph through its doors: the signals that open and close edges, merges, erasure, limits."""

from datetime import timedelta
from uuid import uuid4

import pytest

from compliance import erasure, subjects
from contexts import graph_sources, selectors
from contexts.graph_contracts import Graph
from contexts.graph_facts import ActionSeen
from contexts.selectors.graph import MAX_ACTIONS, get_graph
from contexts.services.merging import merge, undo
from contexts.tests.factories import NOW, make_draft, score_signals

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def look(ref: str = "crm-1", **asked) -> Graph:
    account_id = selectors.get_account_id(ref, known_at=asked.get("known_at"))
    return get_graph(**({"account_id": account_id, "valid_at": NOW, "now": NOW} | asked))


def relations(graph: Graph) -> set[tuple[str, str, str]]:
    """Return the edges by the kinds, or codes, of their ends."""
    shown = {"stage", "technology", "product", "role"}
    name = {node.id: node.id if node.kind in shown else node.kind for node in graph.nodes}
    return {(name[edge.source], edge.relation, name[edge.target]) for edge in graph.edges}


def find(graph: Graph, relation: str, target: str = ""):
    return [edge for edge in graph.edges if edge.relation == relation and edge.target.startswith(target)]


def deal(kind: str, ago: timedelta, *, stage: str = "", opportunity: str = "006A", **fields):
    attributes = {"opportunity": opportunity} | ({"stage": stage} if stage else {}) | fields.pop("facts", {})
    return make_draft(kind, ago=ago, attributes=attributes, **fields)


# Signals, and the edges that hold of them now; the first hour's in brackets do not any more.
CLOSED = {
    "has_opportunity": (deal("opportunity_created", 2 * HOUR), deal("opportunity_lost", HOUR)),
    "uses": tuple(
        make_draft("technology_adopted", ago=ago, attributes={"technology": "unmapped", "count": count})
        for ago, count in ((2 * HOUR, 1), (HOUR, 0))
    ),
    "hired_for": tuple(
        make_draft("job_posting", ago=ago, attributes={"role": "data", "count": count})
        for ago, count in ((2 * HOUR, 3), (HOUR, 0))
    ),
    "works_at": (
        make_draft(email="a@acme.example", ago=2 * HOUR),
        make_draft("email_bounced", email="a@acme.example", ago=HOUR, attributes={"hard": True}),
    ),
    "touched_by": (
        make_draft(email="a@acme.example", ago=2 * HOUR),
        make_draft("unsubscribed", email="a@acme.example", ago=HOUR),
    ),
}


class TestSignals:
    def test_open_edges_of_every_kind(self):
        score_signals(
            deal("opportunity_created", 3 * DAY, stage="prospecting"),
            deal("opportunity_stage_changed", 2 * DAY, stage="demo_scheduled", facts={"value": 900}),
            deal("opportunity_created", DAY, stage="prospecting", opportunity="006B"),
            make_draft("job_posting", attributes={"role": "data"}, ago=DAY),
            make_draft("product_usage", email="a@acme.example", ago=HOUR),
        )

        graph = look()

        assert relations(graph) == {
            ("account", "has_opportunity", "opportunity"),
            ("opportunity", "stage_is", "stage:demo_scheduled"),
            ("opportunity", "stage_is", "stage:prospecting"),
            ("account", "hired_for", "role:data"),
            ("account", "uses", "product:own"),
            ("person", "works_at", "account"),
            ("person", "touched_by", "signal"),
            ("account", "touched_by", "signal"),
        }
        assert len(find(graph, "has_opportunity")) == 2
        assert {"value": 900} in [node.attributes for node in graph.nodes if node.kind == "opportunity"]
        assert not graph.truncated

    @pytest.mark.parametrize("relation", CLOSED)
    def test_a_contradiction_closes_and_keeps_the_past(self, relation):
        first, second = score_signals(*CLOSED[relation])

        assert not find(look(), relation)
        [edge] = find(look(valid_at=NOW - 1.5 * HOUR), relation)
        assert (edge.valid_from, edge.valid_to) == (NOW - 2 * HOUR, NOW - HOUR)
        assert (edge.signal_ids, edge.closed_by) == ((first,), second)

    def test_a_person_works_where_they_were_last_seen(self):
        score_signals(make_draft(email="a@acme.example", ago=2 * DAY))
        score_signals(make_draft(email="a@acme.example", crm_id="crm-2", ago=DAY))

        assert not find(look(), "works_at")
        assert [edge.valid_to for edge in find(look(valid_at=NOW - 1.5 * DAY), "works_at")] == [NOW - DAY]
        assert [edge.valid_from for edge in find(look("crm-2"), "works_at")] == [NOW - DAY]

    def test_a_late_signal_is_unseen_before_it_was_recorded(self):
        score_signals(deal("opportunity_created", 9 * HOUR, stage="prospecting"), now=NOW - 8 * HOUR)
        score_signals(deal("opportunity_lost", 7 * HOUR), now=NOW - 2 * HOUR)
        asked = {"valid_at": NOW - 4 * HOUR}

        [believed] = find(look(known_at=NOW - 3 * HOUR, **asked), "has_opportunity")

        assert (believed.valid_to, believed.recorded_to) == (None, NOW - 2 * HOUR)
        assert not find(look(known_at=NOW - 2 * HOUR, **asked), "has_opportunity")
        assert look(known_at=NOW - 10 * HOUR, **asked).edges == ()


class TestIdentity:
    def test_a_merge_is_followed_and_undone(self):
        score_signals(
            deal("opportunity_created", DAY, email="a@acme.example"),
            make_draft(crm_id="crm-2", email="b@acme.example"),
        )
        ids = [selectors.get_account_id(ref) for ref in ("crm-2", "crm-1")]
        apart = relations(look("crm-2"))
        by = {"actor": "user:1", "now": NOW}

        merge_id = merge(kind="account", merged_id=ids[0], survivor_id=ids[1], **by)
        joined = look("crm-2", now=NOW + HOUR)

        assert joined.root == f"account:{ids[1]}"
        assert ("account", "same_as", "account") in relations(joined)
        assert len(find(joined, "works_at")) == 2
        undo(merge_id=merge_id, actor="user:1", now=NOW + HOUR)
        assert relations(look("crm-2", now=NOW + 2 * HOUR)) == apart
        [then] = find(look("crm-2", known_at=NOW + HOUR / 2, now=NOW + 2 * HOUR), "same_as")
        assert (then.recorded_from, then.recorded_to) == (NOW, NOW + HOUR)

    def test_two_who_are_one_person_lead_to_both_accounts(self):
        score_signals(
            make_draft(email="a@acme.example", ago=DAY),
            make_draft(email="b@old.example", crm_id="crm-2", ago=2 * DAY),
        )
        pair = [subjects.find_subject(email=email) for email in ("b@old.example", "a@acme.example")]
        merge(kind="contact", merged_id=pair[0], survivor_id=pair[1], actor="user:1", now=NOW)

        graph = look(now=NOW + HOUR)

        assert [edge.source for edge in find(graph, "works_at")] == [f"person:{pair[1]}"]
        assert ("person", "same_as", "person") in relations(graph)
        before = look("crm-2", valid_at=NOW - 1.5 * DAY, now=NOW + HOUR)
        assert [edge.source for edge in find(before, "works_at")] == [f"person:{pair[1]}"]

    def test_an_erased_person_vanishes(self):
        score_signals(make_draft(email="a@acme.example", ago=DAY), make_draft(ago=DAY))
        person = subjects.find_subject(email="a@acme.example")
        assert str(person) in str(look())

        erasure.erase(subject_id=person, actor="user:1", now=NOW)

        for graph in (look(), look(known_at=NOW - HOUR), look(valid_at=NOW - HOUR, depth=4)):
            assert str(person) not in str(graph)
        assert relations(look()) == {("account", "touched_by", "signal")}


class TestLimits:
    def test_nodes_and_depth(self):
        score_signals(*[make_draft(email=f"p{n}@acme.example", ago=n * HOUR) for n in range(9)])
        shared = [make_draft(email="p0@acme.example", crm_id="crm-2"), make_draft(crm_id="crm-3")]
        score_signals(*shared)

        cut = look(limit=5)
        near = look(depth=1)

        assert (len(cut.nodes), cut.truncated) == (5, True)
        assert {edge.source for edge in cut.edges} <= {node.id for node in cut.nodes}
        assert {node.distance for node in near.nodes} == {0, 1}
        assert not near.truncated
        assert "crm-3" not in [node.label for node in look(depth=4).nodes]

    def test_a_neighbour_is_reached_over_a_person_and_no_farther_than_asked(self):
        score_signals(
            make_draft(email="a@acme.example", ago=2 * DAY), make_draft("job_posting", crm_id="crm-2")
        )
        score_signals(make_draft(email="a@acme.example", crm_id="crm-2", ago=DAY))
        valid_at = NOW - 1.5 * DAY

        assert "crm-2" not in [node.label for node in look(depth=4, valid_at=valid_at).nodes], "not yet"
        other = look("crm-2", depth=4)
        assert ("person", "works_at", "account") in relations(other)

    def test_actions_beyond_the_limit_are_told_of(self, monkeypatch):
        score_signals(make_draft())
        account_id = selectors.get_account_id("crm-1")

        def seen(number: int) -> ActionSeen:
            return ActionSeen(
                id=uuid4(),
                kind="email",
                state="pending",
                account_id=account_id,
                subject_id=None,
                proposed_at=NOW - number * HOUR,
                decided_at=None,
                executed_at=None,
                signal_ids=(),
            )

        def look_at(count: int) -> Graph:
            actions = [seen(number) for number in range(count)]
            monkeypatch.setitem(graph_sources._sources, "actions", lambda *asked: actions[: asked[2]])
            return look(limit=500, shows_actions=True)

        full, cut = look_at(MAX_ACTIONS), look_at(MAX_ACTIONS + 1)

        assert [len(find(graph, "proposed_for")) for graph in (full, cut)] == [MAX_ACTIONS] * 2
        assert [graph.truncated for graph in (full, cut)] == [False, True]


def test_actions_are_asked_for_where_they_live():
    assert graph_sources.list_sources() == ["actions"]
