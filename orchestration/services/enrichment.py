"""The enrichment agent: buys facts for a hot account that we know too little of, within its budget.

Providers are asked in their order until nothing is missing that one of them could fill.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from compliance import audit
from contexts import selectors as contexts_selectors
from contexts import services as contexts_services
from integrations.enrichment.calling import find_company
from integrations.enrichment.contracts import CompanyAnswer, Provider, ProviderFailed
from integrations.enrichment.selectors import list_providers
from orchestration import budgets
from orchestration.budgets import ACTOR, BudgetRefused
from orchestration.models import EnrichmentSpend
from orchestration.policy import needs_enrichment
from revctx.observability.metrics import ENRICHMENT_CALLS

OUTCOMES = frozenset({"hit", "miss", "pending", "timeout", "unreachable", "broken_connection", "unreadable"})
# Refusals that keep money from being spent; the others say that somebody else has it in hand.
TOLD = frozenset({"exhausted", "unavailable"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be asked of whom, and for which crossing."""

    account_id: UUID
    domain: str
    provider: Provider
    crossing_id: UUID | None


def enrich(*, account_id: UUID, crossing_id: UUID | None, clock: Callable[[], datetime]) -> int:
    """Buy missing facts of an account and return how many calls were made; never inside a transaction.

    `clock` is read before every step, for a call takes its time and a month may end meanwhile.
    """
    calls = 0
    for order in list_orders(account_id=account_id, crossing_id=crossing_id, clock=clock):
        try:
            calls += buy(order=order, clock=clock)
        except BudgetRefused as refusal:
            if refusal.code in TOLD:
                _record_refusal(order, refusal.code, now=clock())
            if refusal.code == "unavailable":
                break
    return calls


def list_orders(
    *, account_id: UUID, crossing_id: UUID | None, clock: Callable[[], datetime]
) -> Iterator[Order]:
    """Yield what is worth asking, looking again after each answer at what is still missing."""
    account = contexts_selectors.get_account(str(account_id))
    if not account.domain or not _is_hot_and_thin(account.id, now=clock()):
        return
    for provider in list_providers():
        wanted = contexts_selectors.list_wanted(account_id=account.id, now=clock())
        if not wanted:
            return
        if provider.fields & wanted.keys():
            yield Order(
                account_id=account.id, domain=account.domain, provider=provider, crossing_id=crossing_id
            )


def buy(*, order: Order, clock: Callable[[], datetime]) -> bool:
    """Make one call: reserve, dispatch, ask, settle; False when the reservation lapsed before the call.

    Raises:
        BudgetRefused: the call may not be made.
    """
    spend = budgets.reserve(
        account_id=order.account_id,
        provider=order.provider.slug,
        crossing_id=order.crossing_id,
        max_micro_dollars=order.provider.price,
        now=clock(),
    )
    if not budgets.dispatch(spend=spend, now=clock()):
        return False
    answer = ask(order.provider, order.domain)
    settle(spend=spend, answer=answer, now=clock())
    return True


def ask(provider: Provider, domain: str) -> CompanyAnswer:
    """Call the provider; a failure is an answer without facts. Never inside a transaction."""
    try:
        return find_company(provider=provider, domain=domain)
    except ProviderFailed as error:
        log.warning("enrichment.failed", provider=provider.slug, code=error.code)
        charged = 0 if error.never_sent else provider.price
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
    transaction.on_commit(lambda: _count(spend.provider, answer))


def _is_hot_and_thin(account_id: UUID, *, now: datetime) -> bool:
    quality = contexts_selectors.get_quality(account_id=account_id, now=now)
    if not needs_enrichment(quality=quality.score):
        return False
    return contexts_selectors.get_score(account_id=account_id, as_of=now).band == "hot"


def _count(provider: str, answer: CompanyAnswer) -> None:
    outcome = answer.outcome if answer.outcome in OUTCOMES else "error"
    ENRICHMENT_CALLS.labels(provider=provider, outcome=outcome).inc()


@transaction.atomic
def _record_refusal(order: Order, code: str, *, now: datetime) -> None:
    ENRICHMENT_CALLS.labels(provider=order.provider.slug, outcome=f"refused_{code}").inc()
    entry = audit.AuditEntry(
        name="enrichment.refused",
        actor=ACTOR,
        target_type="account",
        target_id=str(order.account_id),
        account_id=order.account_id,
        at=now,
        payload={"provider": order.provider.slug, "reason": code},
    )
    audit.record([entry])
