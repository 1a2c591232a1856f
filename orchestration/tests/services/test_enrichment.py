"""Facts are bought for hot accounts that we know too little of, once, and within the budget."""

from typing import Any

import pytest

from contexts import selectors as contexts_selectors
from integrations.sandbox.server import SandboxServer
from integrations.sandbox.store import Fault
from orchestration import budgets, tasks
from orchestration.models import EnrichmentSpend
from orchestration.tests.stories import heat, list_audit, make_signals, run_engines, utc_now
from signals.services.ingest import ingest_signals

pytestmark = pytest.mark.django_db
LOOKUP = "GET /v2/companies/find"


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.ENRICHMENT_API_KEY = "sandbox"


def heat_by_domain(domain: str) -> Any:
    drafts = [
        draft.__class__(**draft.__dict__ | {"account": {"domain": domain}})
        for draft in make_signals("unused")
    ]
    ingest_signals(drafts=drafts, actor="system:test", now=utc_now())
    run_engines()
    return contexts_selectors.get_account(domain)


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

        tasks.enrich_account(str(account.id))

        assert sandbox.store.calls[LOOKUP] == 1

    def test_an_account_without_a_domain_is_not_asked_for(self, sandbox: SandboxServer) -> None:
        heat()

        assert sandbox.store.calls[LOOKUP] == 0

    def test_a_miss_costs_nothing(self, sandbox: SandboxServer) -> None:
        account = heat_by_domain("unknown-company.example")

        assert called(account.id)[0]["outcome"] == "miss"
        assert EnrichmentSpend.objects.get(account_id=account.id).state == "released"

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
