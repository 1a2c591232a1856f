"""Reads that other apps rely on."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from signals.models import SignalType
from signals.selectors import (
    SignalNotFound,
    get_catalogue,
    get_signal,
    get_type,
    list_scorable,
    list_signal_facts,
    list_types,
)
from signals.services.ingest import ingest_signals
from signals.tests.factories import SignalDraftFactory

pytestmark = pytest.mark.django_db


def _ingest(*drafts):
    results = ingest_signals(drafts=drafts, actor="system:test", now=datetime.now(UTC))
    return [result.signal_id for result in results]


class TestCatalogue:
    def test_holds_the_first_types(self):
        names = {entry.name for entry in list_types()}

        assert names == {
            "page_view",
            "pricing_page_view",
            "content_download",
            "demo_requested",
            "meeting_booked",
            "email_reply",
            "trial_started",
            "product_usage",
            "usage_limit_reached",
            "opportunity_created",
            "opportunity_stage_changed",
            "opportunity_won",
            "opportunity_lost",
            "job_posting",
            "funding_round",
            "technology_adopted",
            "review_site_visit",
            "unsubscribed",
            "email_bounced",
            "account_merged",
            "contact_merged",
        }

    def test_says_what_a_text_may_claim(self):
        assert get_type("pricing_page_view").claims == ("visited_pricing",)
        assert get_type("unsubscribed").claims == ()
        with pytest.raises(SignalType.DoesNotExist):
            get_type("horoscope")

    def test_knows_stages_as_codes(self):
        catalogue = get_catalogue()

        assert "demo_scheduled" in catalogue.codes["stage"]
        assert catalogue.types["opportunity_stage_changed"]["stage"] == "code:stage"


class TestListScorable:
    def test_is_in_the_order_of_receipt_and_complete(self):
        drafts = SignalDraftFactory.build_batch(3, strength=2.0, attributes={"count": 1})
        ids = [*_ingest(drafts[0]), *_ingest(drafts[1]), *_ingest(drafts[2])]

        scorable = list_scorable(signal_ids=[*reversed(ids), uuid4()])

        assert [entry.id for entry in scorable] == ids
        assert scorable[0].account == drafts[0].account
        assert (scorable[0].strength, scorable[0].attributes) == (2.0, {"count": 1})
        assert scorable[0].received_at - scorable[0].occurred_at >= timedelta(hours=1)

    def test_of_nothing_is_nothing(self):
        assert list_scorable(signal_ids=[]) == []

    def test_costs_one_query(self, django_assert_num_queries):
        ids = _ingest(*SignalDraftFactory.build_batch(20))

        with django_assert_num_queries(1):
            assert len(list_scorable(signal_ids=ids)) == 20


def test_facts_are_typed_and_by_id():
    [signal_id] = _ingest(SignalDraftFactory(attributes={"count": 4, "note": "call Jane"}))

    facts = list_signal_facts(signal_ids=[signal_id])

    assert facts[signal_id].attributes == {"count": 4}
    assert facts[signal_id].type == "pricing_page_view"


def test_an_unknown_signal():
    with pytest.raises(SignalNotFound):
        get_signal(signal_id=uuid4())
