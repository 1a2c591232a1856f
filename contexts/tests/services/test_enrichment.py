"""Facts of providers, fit and quality."""

import pytest

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.contracts import AccountNotFound
from contexts.models import EnrichmentRecord
from contexts.services.enrichment import record_enrichment
from contexts.services.seeding import seed_test_account
from contexts.tests.factories import NOW, make_draft, score_of, score_signals
from signals.identifiers import new_signal_id

pytestmark = pytest.mark.django_db


def enrich(facts, ref="crm-1"):
    return record_enrichment(
        account_id=selectors.get_account_id(ref), provider="clearbit", facts=facts, now=NOW
    )


class TestRecordEnrichment:
    def test_facts_raise_fit_and_quality(self):
        score_signals(make_draft("demo_requested"))
        account_id = selectors.get_account_id("crm-1")
        before = score_of(), selectors.get_quality(account_id=account_id, now=NOW)

        enrich({"industry": "Retail", "employees": 820, "technologies": ["Kafka", "Django"], "mood": "good"})

        after = score_of(), selectors.get_quality(account_id=account_id, now=NOW)
        assert selectors.get_account("crm-1").attributes == {
            "industry": "retail",
            "employees": 820,
            "technologies": ["django", "kafka"],
        }
        assert before[0].fit < after[0].fit
        assert before[1].score < after[1].score
        assert selectors.list_accounts()[0].fit == after[0].fit
        assert EnrichmentRecord.objects.get().facts.keys() == {"industry", "employees", "technologies"}
        assert list_audit_events(name="account.enriched").get().payload["provider"] == "clearbit"

    def test_never_overwrites_what_the_crm_said(self):
        seed_test_account(now=NOW)

        enrich({"industry": "mining", "country": "DE"}, ref="test-account-001")

        assert selectors.get_account("test-account-001").attributes["industry"] == "retail"
        assert selectors.get_account("test-account-001").attributes["country"] == "de"
        quality = selectors.get_quality(account_id=selectors.get_account_id("test-account-001"), now=NOW)
        assert quality.consistency < 0.7

    @pytest.mark.parametrize(
        "facts",
        [
            {"employees": "many"},
            {"employees": -1},
            {"employees": True},
            {"employees": float("nan")},
            {"industry": "a@b.example"},
            {"technologies": "x"},
        ],
    )
    def test_leaves_out_facts_of_a_wrong_kind_and_names_them(self, facts):
        score_signals(make_draft())

        taken = enrich(facts | {"country": "FR"})

        assert taken == {"country": "fr"} == selectors.get_account("crm-1").attributes
        assert list_audit_events(name="account.enriched").get().payload["refused"] == next(iter(facts))

    def test_an_unknown_account_is_an_error(self):
        with pytest.raises(AccountNotFound):
            record_enrichment(account_id=new_signal_id(received_at=NOW), provider="x", facts={}, now=NOW)


class TestSeedTestAccount:
    def test_is_there_once_under_its_names(self):
        first = seed_test_account(now=NOW)

        assert seed_test_account(now=NOW) == first
        account = selectors.get_account("test-account-001")
        assert selectors.get_account("northwind.example").id == first == account.id
        assert (account.name, account.attributes) == (
            "Northwind Traders",
            {"industry": "retail", "employees": 820},
        )
