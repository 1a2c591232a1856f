"""The company lookup against hostile and honest answers."""

from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations.clearbit import client
from integrations.clearbit.client import ClearbitFailed, map_company

PATH = "/v2/companies/find"


@pytest.fixture(autouse=True)
def _server(settings: Any, httpserver: HTTPServer) -> None:
    settings.ENRICHMENT_BASE_URL = httpserver.url_for("/v2")
    settings.ENRICHMENT_API_KEY = "secret"


class TestFindCompany:
    def test_a_hit_is_mapped_and_charged(self, httpserver: HTTPServer) -> None:
        company = {
            "category": {"industry": "Retail"},
            "metrics": {"employees": 820, "annualRevenue": 1e8},
            "geo": {"countryCode": "DE"},
            "tech": ["Kafka"],
        }
        httpserver.expect_request(PATH, query_string={"domain": "a.example"}).respond_with_json(company)

        answer = client.find_company(domain="a.example")

        assert answer.outcome == "hit"
        assert answer.micro_dollars == client.MAX_PRICE_MICRODOLLARS
        assert answer.facts == {
            "industry": "Retail",
            "employees": 820,
            "annual_revenue": 100_000_000,
            "country": "DE",
            "technologies": ["Kafka"],
        }
        assert httpserver.log[0][0].headers["Authorization"] == "Bearer secret"

    @pytest.mark.parametrize(("status", "outcome"), [(404, "miss"), (202, "pending")])
    def test_no_answer_yet_is_free(self, httpserver: HTTPServer, status: int, outcome: str) -> None:
        httpserver.expect_request(PATH).respond_with_response(Response(status=status))

        answer = client.find_company(domain="a.example")

        assert (answer.outcome, answer.micro_dollars, answer.facts) == (outcome, 0, {})

    @pytest.mark.parametrize("tech", [{"name": "Kafka"}, "Kafka", 7, [None, {}]])
    def test_technologies_of_another_form_are_none(self, tech: Any) -> None:
        assert map_company({"tech": tech}) == {}

    @pytest.mark.parametrize(
        "answer", [Response("[]"), Response("<html>"), Response("[" * 100_000), Response(status=500)]
    )
    def test_an_unusable_answer_may_have_cost_money(self, httpserver: HTTPServer, answer: Response) -> None:
        httpserver.expect_request(PATH).respond_with_response(answer)

        with pytest.raises(ClearbitFailed) as failure:
            client.find_company(domain="a.example")
        assert not failure.value.never_sent

    def test_an_unreachable_server_cost_nothing(self, settings: Any) -> None:
        settings.ENRICHMENT_BASE_URL = "http://127.0.0.1:1/v2"

        with pytest.raises(ClearbitFailed) as failure:
            client.find_company(domain="a.example")
        assert failure.value.never_sent


class TestMapCompany:
    def test_hostile_values_are_dropped_or_cleaned(self) -> None:
        facts = map_company(
            {
                "category": {"industry": "Retail\u200b<script>"},
                "metrics": {"employees": -5, "annualRevenue": "many"},
                "geo": None,
                "tech": ["Kafka", 7, None, "x" * 500],
            }
        )

        assert facts["industry"] == "Retail script"
        assert "employees" not in facts
        assert "annual_revenue" not in facts
        assert facts["technologies"] == ["Kafka", "x" * 60]
