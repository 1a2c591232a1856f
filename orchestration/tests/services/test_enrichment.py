"""Facts are bought for hot accounts that we know too little of, once, and within the budget."""

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from contexts import selectors as contexts_selectors
from contexts.quality import FIELDS
from contexts.services import merging
from integrations.enrichment import contracts
from integrations.enrichment.services import create_provider
from integrations.sandbox.server import SandboxServer
from integrations.sandbox.store import Fault
from orchestration import budgets, tasks
from orchestration.models import Action, DraftRequest, EnrichmentSpend
from orchestration.services import enrichment, proposal
from orchestration.tests.stories import heat, list_audit, make_signals, run_engines, utc_now
from revctx.observability.metrics import ENRICHMENT_CALLS
from signals.services.ingest import ingest_signals

pytestmark = pytest.mark.django_db
LOOKUP = "GET /v2/companies/find"


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.ENRICHMENT_API_KEY = "sandbox"


def make_domain_signals(domain: str) -> list[Any]:
    return [replace(draft, account={"domain": domain}) for draft in make_signals("unused")]


def heat_by_domain(domain: str) -> Any:
    ingest_signals(drafts=make_domain_signals(domain), actor="system:test", now=utc_now())
    run_engines()
    return contexts_selectors.get_account(domain)


def add_provider(sandbox: SandboxServer, slug: str, *, position: int, fields: list[str], price: int) -> None:
    base = f"http://127.0.0.1:{sandbox.server_address[1]}/plain/{slug}"
    create_provider(
        slug=slug, label=slug.title(), kind="plain", base_url=base, key="key", fields=fields,
        price_micro_dollars=price, position=position, actor="user:1", now=utc_now(),
    )  # fmt: skip


def enrich(account_id: Any) -> None:
    enrichment.enrich(account_id=account_id, crossing_id=None, clock=utc_now)


def called(account_id: object) -> list[dict[str, Any]]:
    return [row["payload"] for row in list_audit(account_id) if row["name"] == "enrichment.called"]


class TestEnrichment:
    def test_a_hot_unknown_account_is_enriched_before_its_draft(self, sandbox: SandboxServer) -> None:
        account = heat_by_domain("thin-context.example")

        assert sandbox.store.calls[LOOKUP] == 1
        assert account.attributes["employees"] > 0
        [payload] = called(account.id)
        assert (payload["outcome"], payload["micro_dollars"]) == ("hit", 100_000)
        assert budgets.get_budget(account_id=account.id, now=utc_now()).committed == 100_000
        assert contexts_selectors.get_quality(account_id=account.id, now=utc_now()).score >= 0.6

    def test_a_well_known_account_is_left_alone(self, sandbox: SandboxServer) -> None:
        account = heat_by_domain("known.example")

        enrich(account.id)

        assert sandbox.store.calls[LOOKUP] == 1

    def test_an_account_without_a_domain_is_not_asked_for(self, sandbox: SandboxServer) -> None:
        heat()

        assert sandbox.store.calls[LOOKUP] == 0

    def test_a_miss_costs_nothing(self, sandbox: SandboxServer) -> None:
        account = heat_by_domain("unknown-company.example")

        assert called(account.id)[0]["outcome"] == "miss"
        assert EnrichmentSpend.objects.get(account_id=account.id).state == "released"

    def test_providers_are_asked_in_order_until_nothing_is_missing(
        self, sandbox: SandboxServer, django_capture_on_commit_callbacks: Any
    ) -> None:
        add_provider(sandbox, "tech", position=1, fields=["technologies", "country"], price=20_000)
        add_provider(sandbox, "last", position=99, fields=["technologies"], price=1)
        before = ENRICHMENT_CALLS.labels("tech", "hit")._value.get()

        with django_capture_on_commit_callbacks(execute=True):
            account = heat_by_domain("waterfall.example")

        paid = [(payload["provider"], payload["micro_dollars"]) for payload in called(account.id)]
        assert paid == [("tech", 20_000), ("clearbit", 100_000)]
        assert sandbox.store.calls["GET /plain/tech/facts"] == 1
        assert sandbox.store.calls["GET /plain/last/facts"] == 0
        assert ENRICHMENT_CALLS.labels("tech", "hit")._value.get() == before + 1

    def test_a_miss_lets_the_next_provider_try_and_is_remembered(
        self, sandbox: SandboxServer, redis_server: Redis
    ) -> None:
        add_provider(sandbox, "tech", position=99, fields=["technologies"], price=20_000)

        account = heat_by_domain("unknown-to-both.example")
        redis_server.flushall()
        enrich(account.id)

        assert [payload["outcome"] for payload in called(account.id)] == ["miss", "miss"]
        assert sandbox.store.calls[LOOKUP] == 1

    def test_an_account_that_is_not_hot_is_left_alone(self, sandbox: SandboxServer) -> None:
        ingest_signals(drafts=make_domain_signals("cold.example")[-1:], actor="system:test", now=utc_now())
        run_engines()

        enrich(contexts_selectors.get_account_id("cold.example"))

        assert sandbox.store.calls[LOOKUP] == 0

    def test_a_lost_answer_is_charged_at_the_maximum(self, sandbox: SandboxServer) -> None:
        sandbox.store.add_fault(Fault(kind="lost_answer", path="/companies"))

        account = heat_by_domain("lost-answer.example")

        assert called(account.id)[0]["micro_dollars"] == 100_000
        assert "employees" not in account.attributes

    def test_an_exhausted_budget_makes_no_call_and_says_so(
        self, settings: Any, sandbox: SandboxServer
    ) -> None:
        settings.ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS = 99_999

        account = heat_by_domain("poor.example")

        assert sandbox.store.calls[LOOKUP] == 0
        assert [
            row["payload"]["reason"] for row in list_audit(account.id) if row["name"] == "enrichment.refused"
        ] == ["exhausted"]


class TestDrafts:
    def test_a_key_that_cannot_be_sent_costs_nothing_and_holds_no_draft_up(
        self, settings: Any, sandbox: SandboxServer
    ) -> None:
        settings.ENRICHMENT_API_KEY = "schlüssel"

        account = heat_by_domain("odd-key.example")

        assert Action.objects.filter(account_id=account.id).exists()
        assert EnrichmentSpend.objects.get(account_id=account.id).state == "released"
        assert sandbox.store.calls[LOOKUP] == 0

    def test_enrichment_that_breaks_holds_no_draft_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(enrichment, "find_company", lambda **_: 1 / 0)

        account = heat_by_domain("broken.example")

        assert Action.objects.filter(account_id=account.id).exists()

    def test_a_request_without_attempts_left_buys_nothing(
        self, settings: Any, sandbox: SandboxServer
    ) -> None:
        settings.ENRICHMENT_API_KEY = ""
        account = heat_by_domain("given-up.example")
        settings.ENRICHMENT_API_KEY = "sandbox"
        request = DraftRequest.objects.filter(account_id=account.id)
        request.update(state="open", attempts=proposal.MAX_ATTEMPTS, due_at=utc_now())

        assert tasks.draft_next()

        assert request.get().state == "dead"
        assert sandbox.store.calls[LOOKUP] == 0


class TestOffers:
    def test_names_the_cheapest_provider_of_each_missing_fact_and_the_best_buy(
        self, sandbox: SandboxServer, settings: Any, api_client: Any
    ) -> None:
        settings.ENRICHMENT_API_KEY = ""  # so that nothing is bought while it becomes hot
        account = heat_by_domain("offers.example")
        settings.ENRICHMENT_API_KEY = "sandbox"
        add_provider(sandbox, "tech", position=99, fields=["technologies"], price=20_000)

        body = api_client("accounts:read").get(f"/api/accounts/{account.id}/enrichment").json()

        missing = {offer["field"]: offer for offer in body["missing"]}
        assert missing.keys() == FIELDS.keys()
        assert (missing["technologies"]["provider"], missing["technologies"]["micro_dollars"]) == (
            "tech",
            20_000,
        )
        assert (missing["employees"]["provider"], missing["employees"]["micro_dollars"]) == (
            "clearbit",
            100_000,
        )
        assert body["cheapest"] == missing["technologies"]
        assert 0 < body["cheapest"]["expected_gain"] < body["cheapest"]["gain"] < 1
        assert (body["spent_micro_dollars"], body["cap_micro_dollars"]) == (0, 500_000)

    def test_says_why_a_fact_cannot_be_bought(self, settings: Any, api_client: Any) -> None:
        account = heat_by_domain("unknown-here.example")

        body = api_client("accounts:read").get(f"/api/accounts/{account.id}/enrichment").json()

        assert {offer["blocked"] for offer in body["missing"]} == {"resting"}
        assert body["cheapest"] is None
        assert [(call["provider"], call["outcome"]) for call in body["calls"]] == [("clearbit", "miss")]

    def test_a_merged_account_brings_its_rest_along(self, sandbox: SandboxServer, api_client: Any) -> None:
        asked = heat_by_domain("unknown-before.example")
        ingest_signals(drafts=make_domain_signals("joined.example")[-1:], actor="system:test", now=utc_now())
        run_engines()
        joined = contexts_selectors.get_account_id("joined.example")

        merging.merge(kind="account", merged_id=asked.id, survivor_id=joined, actor="user:1", now=utc_now())

        body = api_client("accounts:read").get(f"/api/accounts/{joined}/enrichment").json()
        assert {offer["blocked"] for offer in body["missing"]} == {"resting"}
        assert [call["outcome"] for call in body["calls"]] == ["miss"]

    def test_providers_can_fill_what_quality_weighs(self) -> None:
        assert set(contracts.FIELDS) == FIELDS.keys()
