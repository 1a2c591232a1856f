"""The signal pages."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in
from signals.services.ingest import ingest_signals
from signals.tests.factories import SignalDraftFactory

pytestmark = pytest.mark.django_db


def store(*drafts):
    return ingest_signals(drafts=drafts, actor="system:test", now=datetime.now(UTC))


class TestList:
    def test_says_how_the_first_signal_comes(self):
        response = sign_in("reviewer").get("/signals")

        assert "No signals yet" in response.content.decode()
        check_page(response)

    def test_filters_and_pages_without_losing_or_repeating(self, django_assert_max_num_queries):
        store(*[SignalDraftFactory() for _ in range(55)], SignalDraftFactory(type="demo_requested"))
        client = sign_in("reviewer")

        with django_assert_max_num_queries(8):
            first = client.get("/signals", {"type": "pricing_page_view"})
        second = client.get(
            "/signals", {"type": "pricing_page_view", "after": first.context["page"].next_cursor}
        )

        shown = [row["signal"].id for page in (first, second) for row in page.context["rows"]]
        assert (len(shown), len(set(shown))) == (55, 55)
        assert second.context["page"].next_cursor == ""
        check_page(first)

    @pytest.mark.parametrize("cursor", ["x", "2026-01-01~x", f"2026-01-01T00:00:00~{UUID(int=1)}", "~"])
    def test_a_cut_cursor_shows_the_first_page(self, cursor):
        store(SignalDraftFactory())

        response = sign_in("reviewer").get("/signals", {"after": cursor})

        assert len(response.context["rows"]) == 1


class TestDetail:
    def test_shows_facts_and_keeps_the_person_sealed(self):
        draft = SignalDraftFactory(with_person=True)
        [stored] = store(draft)

        response = sign_in("reviewer").get(f"/signals/{stored.signal_id}")

        page = response.content.decode()
        assert draft.account["crm_id"] in page
        for secret in (draft.person.email, draft.person.name, draft.external_id):
            assert secret not in page
        check_page(response)

    def test_markup_in_a_reference_stays_text(self):
        [stored] = store(SignalDraftFactory(account={"name": "<script>alert(1)</script>"}))

        response = sign_in("reviewer").get(f"/signals/{stored.signal_id}")

        assert "<script>alert" not in response.content.decode()
        check_page(response)

    def test_an_unknown_id_is_a_404(self):
        assert sign_in("reviewer").get(f"/signals/{uuid4()}").status_code == 404
