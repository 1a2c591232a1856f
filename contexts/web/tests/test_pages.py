"""The account pages."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance import consent
from contexts import selectors
from contexts.tests.factories import make_draft, score_signals
from contexts.web.tests.factories import BUYER, make_account_hot
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db


def make_accounts(count):
    now = datetime.now(UTC)
    at = now - timedelta(hours=1)
    score_signals(*[make_draft(crm_id=f"crm-{number}", occurred_at=at) for number in range(count)], now=now)


class TestList:
    def test_says_how_the_first_account_comes(self):
        response = sign_in("reviewer").get("/accounts", {"band": "hot"})

        assert "No account matches" in response.content.decode()
        check_page(response)

    def test_the_number_of_queries_does_not_grow_with_the_accounts(self, django_assert_max_num_queries):
        make_accounts(30)
        client = sign_in("reviewer")

        with django_assert_max_num_queries(10):
            first = client.get("/accounts")
        second = client.get("/accounts", {"after": first.context["next_cursor"]})

        shown = [row["account"].id for page in (first, second) for row in page.context["rows"]]
        assert len(shown) == len(set(shown)) >= 30
        check_page(first)

    def test_searches_by_alias_and_filters_by_band(self):
        make_accounts(3)
        make_account_hot(crm_id="crm-hot")
        client = sign_in("reviewer")

        found = client.get("/accounts", {"q": "crm-1"}).context["rows"]
        hot = client.get("/accounts", {"band": "hot"}).context["rows"]

        assert [row["account"].name for row in found] == ["crm-1"]
        assert [row["account"].name for row in hot] == ["crm-hot"]
        assert hot[0]["history"][-1][1] >= 70

    def test_ranks_as_of_a_day(self):
        make_account_hot(crm_id="crm-hot")
        tomorrow = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()

        response = sign_in("reviewer").get("/accounts", {"as_of": tomorrow})

        assert response.context["rows"] == []
        check_page(response)

    @pytest.mark.parametrize(
        "query", [{"as_of": "soon"}, {"after": "nan~x"}, {"band": "boiling"}, {"q": "%_"}]
    )
    def test_odd_questions_get_a_page(self, query):
        response = sign_in("reviewer").get("/accounts", query)

        assert response.status_code == 200
        check_page(response)


class TestDetail:
    def test_shows_what_the_score_is_made_of(self, django_assert_max_num_queries):
        consent.grant(
            email=BUYER.email,
            jurisdiction="EU",
            notice_version="v3",
            source="web form",
            actor="system:test",
            now=datetime.now(UTC),
        )
        make_account_hot(crm_id="crm-hot")
        client = sign_in("approver")

        with django_assert_max_num_queries(25):
            response = client.get("/accounts/crm-hot")

        shown = response.context["lines"]
        assert response.context["total"] == pytest.approx(response.context["score_now"].intent)
        assert shown[0].share == 1.0
        page = response.content.decode()
        assert "Granted" in page
        assert BUYER.email not in page
        assert BUYER.name not in page
        check_page(response)

    def test_answers_for_the_past(self):
        make_account_hot(crm_id="crm-hot")
        past = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()

        response = sign_in("reviewer").get("/accounts/crm-hot", {"as_of": past})

        assert response.context["score_now"].intent == 0
        check_page(response)

    def test_a_day_that_is_not_over_is_now(self):
        make_account_hot(crm_id="crm-hot")
        today = datetime.now(UTC).date().isoformat()

        response = sign_in("reviewer").get("/accounts/crm-hot", {"as_of": today})

        assert response.context["as_of"] is None

    def test_says_what_of_a_past_page_is_of_today(self):
        make_account_hot(crm_id="crm-hot")
        past = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()

        page = sign_in("reviewer").get("/accounts/crm-hot", {"as_of": past}).content.decode()

        for part in ("missing", "graph", "identity"):
            assert part in page.partition('class="banner cool"')[2].partition("</p>")[0]
        assert "would have added then" in page
        assert "would add now" not in page

    @pytest.mark.parametrize("path", ["/accounts", "/accounts/crm-hot"])
    def test_a_day_to_come_is_told_and_shows_now(self, path):
        make_account_hot(crm_id="crm-hot")
        ahead = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()

        response = sign_in("reviewer").get(path, {"as_of": ahead})

        assert response.context["as_of"] is None
        assert "still to come" in response.content.decode()
        check_page(response)

    def test_an_unknown_account_is_a_404(self):
        response = sign_in("reviewer").get("/accounts/nobody-knows")

        assert response.status_code == 404
        check_page(response)

    def test_loads_its_actions(self):
        make_account_hot(crm_id="crm-hot")
        account_id = selectors.get_account_id("crm-hot")
        client = sign_in("reviewer")

        part = client.get(f"/approvals/account/{account_id}", headers={"HX-Request": "true"})
        whole = client.get(f"/approvals/account/{account_id}")

        assert "No action yet" in part.content.decode()
        assert "<main" not in part.content.decode()
        check_page(whole)

    def test_loads_its_timeline_and_graph(self, django_assert_max_num_queries):
        make_account_hot(crm_id="crm-hot")
        account_id = selectors.get_account_id("crm-hot")
        client = sign_in("reviewer")

        for name, shown in (("timeline", "Became hot"), ("graph", "works at")):
            with django_assert_max_num_queries(25):
                part = client.get(f"/accounts/{account_id}/{name}", headers={"HX-Request": "true"})
            whole = client.get(f"/accounts/{account_id}/{name}", {"valid_at": "soon"})
            assert shown in part.content.decode()
            assert "<main" not in part.content.decode()
            assert BUYER.name not in part.content.decode()
            check_page(whole)
