"""Providers' answers, hostile and honest, and what each costs."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations.enrichment.calling import find_company
from integrations.enrichment.contracts import FIELDS, Provider, ProviderFailed

COMPANY = {
    "category": {"industry": "Retail"},
    "metrics": {"employees": 820, "annualRevenue": 1e8},
    "geo": {"countryCode": "DE"},
    "tech": ["Kafka"],
}
FACTS = {
    "industry": "Retail",
    "employees": 820,
    "annual_revenue": 100_000_000,
    "country": "DE",
    "technologies": ["Kafka"],
}


def make_provider(httpserver: HTTPServer, **changes: Any) -> Provider:
    given = {
        "id": uuid4(), "slug": "p", "label": "P", "kind": "clearbit", "base_url": httpserver.url_for("/v2"),
        "api_key": "secret", "fields": frozenset(FIELDS), "price": 70_000,
    }  # fmt: skip
    return Provider(**given | changes)


@pytest.fixture
def provider(httpserver: HTTPServer) -> Provider:
    return make_provider(httpserver)


class TestFindCompany:
    @pytest.mark.parametrize(
        ("kind", "path", "document"),
        [
            ("clearbit", "/v2/companies/find", COMPANY),
            ("plain", "/v2/facts", {"facts": FACTS | {"name": "x"}}),
        ],
    )
    def test_a_hit_is_mapped_and_charged(
        self, httpserver: HTTPServer, provider: Provider, kind: str, path: str, document: Any
    ) -> None:
        httpserver.expect_request(path, query_string={"domain": "a.example"}).respond_with_json(document)

        answer = find_company(provider=replace(provider, kind=kind), domain="a.example")

        assert (answer.outcome, answer.micro_dollars, answer.facts) == ("hit", 70_000, FACTS)
        assert httpserver.log[0][0].headers["Authorization"] == "Bearer secret"

    def test_only_what_it_is_set_to_fill_is_kept(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/v2/companies/find").respond_with_json(COMPANY)

        provider = make_provider(httpserver, fields=frozenset({"country"}))

        assert find_company(provider=provider, domain="a.example").facts == {"country": "DE"}

    @pytest.mark.parametrize(
        ("status", "misses_cost", "outcome", "price"),
        [(404, False, "miss", 0), (404, True, "miss", 70_000), (202, True, "pending", 0)],
    )
    def test_what_no_answer_costs(
        self, httpserver: HTTPServer, status: int, misses_cost: bool, outcome: str, price: int
    ) -> None:
        httpserver.expect_request("/v2/companies/find").respond_with_response(Response(status=status))

        answer = find_company(provider=make_provider(httpserver, misses_cost=misses_cost), domain="a.example")

        assert (answer.outcome, answer.micro_dollars, answer.facts) == (outcome, price, {})

    @pytest.mark.parametrize("kind", ["clearbit", "plain"])
    @pytest.mark.parametrize(
        "answer", [Response("[]"), Response("<html>"), Response("[" * 100_000), Response(status=500)]
    )
    def test_an_unusable_answer_may_have_cost_money(
        self, httpserver: HTTPServer, provider: Provider, answer: Response, kind: str
    ) -> None:
        httpserver.expect_request(
            f"/v2/{'facts' if kind == 'plain' else 'companies/find'}"
        ).respond_with_response(answer)

        with pytest.raises(ProviderFailed) as failure:
            find_company(provider=replace(provider, kind=kind), domain="a.example")
        assert not failure.value.never_sent

    def test_an_unreachable_server_cost_nothing(self, provider: Provider) -> None:
        with pytest.raises(ProviderFailed) as failure:
            find_company(provider=replace(provider, base_url="http://127.0.0.1:1/v2"), domain="a.example")
        assert failure.value.never_sent

    def test_what_cannot_be_sent_cost_nothing(self, provider: Provider) -> None:
        with pytest.raises(ProviderFailed, match="unsendable") as failure:
            find_company(provider=replace(provider, api_key="schlüssel"), domain="a.example")
        assert failure.value.never_sent

    def test_a_key_is_never_printed(self, provider: Provider) -> None:
        assert "secret" not in repr(provider)
