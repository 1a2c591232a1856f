"""The enrichment agent: buys facts for a hot account that we know too little of, within its budget."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from compliance import audit
from compliance.audit import AuditEntry
from contexts import selectors as contexts_selectors
from contexts import services as contexts_services
from integrations.clearbit import client as clearbit
from integrations.clearbit.client import ClearbitFailed, CompanyAnswer
from orchestration import budgets
from orchestration.budgets import BudgetRefused
from orchestration.models import EnrichmentSpend
from orchestration.policy import needs_enrichment
from revctx.observability.metrics import ENRICHMENT_CALLS

ACTOR = "system:enrichment"
OUTCOMES = frozenset({"hit", "miss", "pending", "timeout", "unreachable", "broken_connection", "unreadable"})

log = structlog.get_logger(__name__)


def reserve_if_needed(
    *, account_id: UUID, crossing_id: UUID | None, now: datetime
) -> tuple[EnrichmentSpend, str] | None:
    """Return a reservation and the domain to ask for, or None when nothing is to be bought."""
    account = contexts_selectors.get_account(str(account_id))
    quality = contexts_selectors.get_quality(account_id=account_id, now=now)
    if not account.domain or not clearbit.is_configured() or not needs_enrichment(quality=quality.score):
        return None
    try:
        spend = budgets.reserve(
            account_id=account_id,
            provider=clearbit.PROVIDER,
            crossing_id=crossing_id,
            max_micro_dollars=clearbit.MAX_PRICE_MICRODOLLARS,
            now=now,
        )
    except BudgetRefused as refusal:
        if refusal.code != "repeated":
            _record_refusal(account_id, refusal.code, now=now)
        return None
    return spend, account.domain


def ask(domain: str) -> CompanyAnswer:
    """Call the provider; a failure is an answer without facts. Never inside a transaction."""
    try:
        return clearbit.find_company(domain=domain)
    except ClearbitFailed as error:
        log.warning("enrichment.failed", code=error.code)
        charged = 0 if error.never_sent else clearbit.MAX_PRICE_MICRODOLLARS
        return CompanyAnswer(outcome=error.code, facts={}, micro_dollars=charged)


@transaction.atomic
def settle(*, spend: EnrichmentSpend, answer: CompanyAnswer, now: datetime) -> None:
    """Charge the call, keep its facts, and audit it; only the first settlement counts."""
    settled = budgets.settle(spend=spend, micro_dollars=answer.micro_dollars, outcome=answer.outcome, now=now)
    if not settled:
        return
    if answer.facts:
        contexts_services.record_enrichment(
            account_id=spend.account_id, provider=spend.provider, facts=answer.facts, now=now
        )
    audit.record(
        [
            AuditEntry(
                name="enrichment.called",
                actor=ACTOR,
                target_type="account",
                target_id=str(spend.account_id),
                account_id=spend.account_id,
                at=now,
                payload={
                    "provider": spend.provider,
                    "outcome": answer.outcome,
                    "micro_dollars": answer.micro_dollars,
                    "reservation_id": str(spend.id),
                },
            )
        ]
    )
    transaction.on_commit(lambda: _count(spend.provider, answer))


def _count(provider: str, answer: CompanyAnswer) -> None:
    outcome = answer.outcome if answer.outcome in OUTCOMES else "error"
    ENRICHMENT_CALLS.labels(provider=provider, outcome=outcome).inc()


@transaction.atomic
def _record_refusal(account_id: UUID, code: str, *, now: datetime) -> None:
    ENRICHMENT_CALLS.labels(provider=clearbit.PROVIDER, outcome=f"refused_{code}").inc()
    audit.record(
        [
            AuditEntry(
                name="enrichment.refused",
                actor=ACTOR,
                target_type="account",
                target_id=str(account_id),
                account_id=account_id,
                at=now,
                payload={"provider": clearbit.PROVIDER, "reason": code},
            )
        ]
    )
