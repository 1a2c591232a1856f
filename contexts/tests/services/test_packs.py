"""What an agent may know of an account."""

import json
from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction

from compliance import consent, erasure, subjects
from contexts import selectors
from contexts.contracts import ContextPack
from contexts.models import StoredPack
from contexts.pack_content import hash_content
from contexts.prompts import render_prompt
from contexts.selectors.graph import get_graph
from contexts.services.packs import PackTooSmall, build_pack
from contexts.tests.factories import NOW, make_draft, score_of, score_signals

pytestmark = pytest.mark.django_db

EMAIL = "robin@acme.example"


def pack(**options) -> ContextPack:
    return build_pack(account_id=selectors.get_account_id("crm-1"), now=NOW, **options)


def score_some() -> None:
    score_signals(
        make_draft("demo_requested", email=EMAIL, title="Head of Sales", attributes={"seats": 40}),
        make_draft("pricing_page_view", email=EMAIL, ago=timedelta(days=1)),
        make_draft("pricing_page_view", email=EMAIL, ago=timedelta(days=2)),
        make_draft(
            "opportunity_stage_changed",
            attributes={"stage": "demo_scheduled", "opportunity": "006A"},
            ago=timedelta(hours=3),
        ),
        make_draft("page_view", ago=timedelta(days=60)),
    )


class TestBuildPack:
    def test_the_facts_are_the_contributions_strongest_first(self):
        score_some()

        facts = pack().facts

        contributions = [c for c in score_of().contributions if c.points >= 0.05]
        assert [(f.type, f.points, f.signal_count) for f in facts] == [
            (c.type, c.points, c.signal_count) for c in contributions
        ]
        assert [f.ref for f in facts] == ["s1", "s2", "s3"]
        demo = next(f for f in facts if f.type == "demo_requested")
        assert (demo.label, demo.attributes) == ("Demo requested", {"seats": 40})

    def test_the_mandatory_block_names_consent_deal_and_last_touch(self):
        score_some()
        before = pack()
        consent.grant(
            email=EMAIL, jurisdiction="EU", notice_version="v1", source="form", actor="user:1", now=NOW
        )

        after = pack()

        subject_id = subjects.find_subject(email=EMAIL)
        [denied], [allowed] = before.contacts, after.contacts
        assert (denied.consent_allowed, denied.consent_reason) == (False, "no_consent")
        assert allowed.consent_allowed
        assert allowed.consent_revision_id is not None
        assert (allowed.subject_id, allowed.title_class) == (subject_id, "director")
        assert [deal.stage for deal in after.open_deals] == ["demo_scheduled"]
        assert after.last_touch["type"] == "demo_requested"

    def test_a_closed_deal_is_not_open(self):
        score_some()
        score_signals(make_draft("opportunity_lost", attributes={"opportunity": "006A"}))

        assert pack().open_deals == ()

    def test_deals_are_open_one_by_one_as_in_the_graph(self):
        def deal(kind: str, name: str, hours: int, stage: str = ""):
            told = {"opportunity": name} | ({"stage": stage} if stage else {})
            return make_draft(kind, attributes=told, ago=timedelta(hours=hours))

        score_signals(
            deal("opportunity_created", "A", 9),
            deal("opportunity_stage_changed", "A", 8, "negotiation_review"),
            deal("opportunity_created", "B", 7, "prospecting"),
            deal("opportunity_created", "C", 6),
            deal("opportunity_lost", "B", 5),
            deal("opportunity_stage_changed", "C", 4, "closed_won"),
            deal("opportunity_created", "D", 3),
        )
        graph = get_graph(account_id=selectors.get_account_id("crm-1"), valid_at=NOW, now=NOW)

        deals = pack().open_deals

        assert [item.stage for item in deals] == ["created", "negotiation_review"]
        open_in_graph = [edge for edge in graph.edges if edge.relation == "has_opportunity"]
        assert {item.signal_id for item in deals} <= {pk for edge in open_in_graph for pk in edge.signal_ids}
        assert len(open_in_graph) == len(deals)

    def test_what_does_not_fit_or_count_is_listed_with_its_reason(self):
        score_some()

        tight, roomy = pack(max_tokens=340), pack(max_tokens=4_000)

        assert tight.tokens <= 340
        assert {item.reason for item in tight.excluded} == {"over_budget", "spent"}
        assert [(item.type, item.reason) for item in roomy.excluded] == [("page_view", "spent")]
        assert tight.facts
        assert len(tight.facts) + len(tight.excluded) == len(roomy.facts) + len(roomy.excluded)
        assert tight.contacts == roomy.contacts

    def test_is_stored_under_the_hash_of_its_content(self):
        score_some()

        built = pack()

        stored = selectors.get_pack(built.id)
        assert stored == built
        assert hash_content(stored) == built.content_hash
        assert ContextPack.from_dict(json.loads(json.dumps(built.to_dict()))) == built

    def test_the_same_evidence_at_the_same_time_gives_the_same_hash(self):
        score_some()

        first, second = pack(), pack()

        assert (first.content_hash, first.id) == (second.content_hash, first.id)
        assert first.id != second.id
        assert pack(max_tokens=300).content_hash != first.content_hash

    def test_says_why_each_fact_is_in(self):
        score_some()

        facts = {fact.type: fact for fact in pack().facts}

        assert {fact.reason for fact in facts.values()} <= {"points", "recency", "role"}
        assert all(0 < fact.value <= 1 and fact.tokens > 0 for fact in facts.values())

    def test_a_budget_below_what_is_always_in_is_refused(self):
        score_some()

        with pytest.raises(PackTooSmall) as refusal:
            pack(max_tokens=20)
        assert pack(max_tokens=refusal.value.needed).tokens == refusal.value.needed

    def test_many_people_leave_room_for_facts_and_who_may_be_written_to_stays(self):
        mails = [f"p{number}@acme.example" for number in range(30)]
        score_signals(*(make_draft("page_view", email=mail, title="Manager") for mail in mails))
        consent.grant(
            email="p29@acme.example", jurisdiction="EU", notice_version="v1", source="form", actor="user:1",
            now=NOW,
        )  # fmt: skip

        built = pack(max_tokens=500)

        assert built.tokens <= 500
        assert built.facts
        assert built.contacts[0].consent_allowed
        left = [item for item in built.excluded if item.type == "contact"]
        assert len(left) + len(built.contacts) == 30

    def test_stores_ids_of_signals_and_not_what_they_say(self):
        score_some()

        row = StoredPack.objects.get(id=pack().id)

        assert "seats" not in json.dumps(row.content)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            StoredPack.objects.update(content_hash="")

    def test_what_an_erased_person_left_is_gone_from_an_old_pack(self):
        score_some()
        built = pack()
        subject_id = subjects.find_subject(email=EMAIL)
        assert selectors.read_pack(built.id).intact

        erasure.erase(subject_id=subject_id, actor="user:1", now=NOW)

        old = selectors.read_pack(built.id)
        assert str(subject_id) not in json.dumps(old.pack.to_dict())
        assert [fact.type for fact in old.pack.facts] == ["opportunity_stage_changed"]
        assert (old.pack.contacts, old.pack.last_touch) == ((), None)
        assert old.hidden == 4
        assert "seats" not in render_prompt(old.pack)

    def test_holds_no_name_and_no_address(self):
        score_some()

        text = json.dumps(pack().to_dict())

        assert "Robin" not in text
        assert "Head of" not in text
        assert "@" not in text
