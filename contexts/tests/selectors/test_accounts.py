"""Accounts by priority, now and as of a time."""

from datetime import timedelta

import pytest

from contexts import selectors
from contexts.contracts import AccountNotFound
from contexts.services.enrichment import record_enrichment
from contexts.tests.factories import NOW, make_draft, score_of, score_signals

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def names(**filters) -> list[str]:
    return [row.name for row in selectors.list_accounts(**filters)]


class TestGetAccount:
    def test_finds_by_id_and_by_any_alias(self):
        score_signals(make_draft(account={"crm_id": "001A", "domain": "acme.example", "name": "Acme Ltd"}))
        account = selectors.get_account("001A")

        assert selectors.get_account(str(account.id)) == account
        assert selectors.get_account("ACME.example") == account
        assert selectors.get_account("acme ltd") == account
        assert account.domain == "acme.example"

    @pytest.mark.parametrize("ref", ["nobody", "", "a\x00b", "8c0c4c26-9d58-4d0d-a2c0-1b0f6a8a0a11"])
    def test_an_unknown_reference_is_an_error(self, ref):
        with pytest.raises(AccountNotFound):
            selectors.get_account(ref)


class TestListAccounts:
    def test_orders_by_priority_and_pages_without_gaps(self):
        score_signals(*[make_draft("demo_requested", crm_id=f"crm-{n}", ago=n * DAY) for n in range(7)])

        pages, after = [], None
        while rows := selectors.list_accounts(after=after, limit=3):
            pages += [row.name for row in rows]
            after = (rows[-1].priority, rows[-1].id)

        assert pages == [f"crm-{n}" for n in range(7)]

    def test_fit_counts(self):
        score_signals(
            make_draft("demo_requested", crm_id="strong"),
            make_draft("demo_requested", crm_id="fitting", ago=DAY),
        )
        for ref, employees in (("strong", 3), ("fitting", 800)):
            facts = {"industry": "retail" if ref == "fitting" else "mining", "employees": employees}
            record_enrichment(
                account_id=selectors.get_account_id(ref), provider="clearbit", facts=facts, now=NOW
            )

        assert names() == ["fitting", "strong"]

    def test_filters(self):
        score_signals(
            make_draft("demo_requested", account={"name": "Acme Ltd", "domain": "acme.example"}),
            make_draft("page_view", account={"name": "Beta AG", "crm_id": "001B"}),
        )
        record_enrichment(
            account_id=selectors.get_account_id("001B"),
            provider="clearbit",
            facts={"industry": "Retail"},
            now=NOW,
        )

        assert names(search="cme l") == ["Acme Ltd"]
        assert names(search="acme.ex") == ["Acme Ltd"]
        assert names(search="001B") == ["Beta AG"]
        assert names(search="nobody") == []
        assert names(band="warm") == ["Acme Ltd"]
        assert names(attributes={"industry": "retail"}) == ["Beta AG"]

    def test_as_of_ranks_by_what_had_occurred(self):
        score_signals(
            make_draft("demo_requested", crm_id="early", ago=100 * DAY),
            make_draft("demo_requested", crm_id="late", ago=DAY),
            make_draft("page_view", crm_id="early", ago=99 * DAY),
        )

        assert names(as_of=NOW - 95 * DAY) == ["early"]
        assert names(as_of=NOW) == ["late", "early"]
        assert names(as_of=NOW - 200 * DAY) == []

    def test_as_of_gives_the_exact_score_of_each_account(self):
        score_signals(*[make_draft("demo_requested", crm_id=f"crm-{n % 3}", ago=n * DAY) for n in range(12)])
        as_of = NOW - 3 * DAY

        rows = selectors.list_accounts(as_of=as_of, limit=2)
        rest = selectors.list_accounts(as_of=as_of, after=(rows[-1].priority, rows[-1].id))

        assert len(rows + rest) == 3
        for row in rows + rest:
            score = score_of(row.name, as_of=as_of)
            assert (row.intent, row.band, row.priority) == (score.intent, score.band, score.priority)

    def test_as_of_takes_the_same_queries_for_any_number_of_accounts(self, django_assert_num_queries):
        score_signals(*[make_draft("demo_requested", crm_id=f"crm-{n}") for n in range(30)])

        with django_assert_num_queries(5):
            assert len(selectors.list_accounts(as_of=NOW)) == 30


class TestGetTimeline:
    def test_shows_signals_and_crossings_newest_first_and_pages(self):
        kinds = ("demo_requested", "meeting_booked", "trial_started", "email_reply")
        score_signals(
            *[make_draft(kind, ago=n * timedelta(hours=1)) for n, kind in enumerate(kinds, start=1)]
        )
        account_id = selectors.get_account_id("crm-1")

        entries = selectors.get_timeline(account_id, 10)
        first = selectors.get_timeline(account_id, 2)
        rest = selectors.get_timeline(account_id, 10, before=(first[-1].at, first[-1].id))

        assert [entry.type for entry in entries] == ["up", *kinds]
        assert entries[1].detail == {"source": "web", "attributes": {}}
        assert first + rest == entries
