"""What the enrichment agent could buy for an account: per missing attribute the cheapest provider."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from contexts.offers import Call, FieldOffer, Offers
from integrations.enrichment.contracts import Provider
from integrations.enrichment.selectors import list_providers
from orchestration import budgets
from orchestration.models import EnrichmentSpend

SAMPLE = 200  # newest answers of a provider that its share of hits is taken from
LISTED = 5


def list_offers(account_id: UUID, domain: str | None, wanted: Mapping[str, float], now: datetime) -> Offers:
    """Return the offers for the wanted attributes (gain by name) and the money of the month."""
    budget = budgets.get_budget(account_id=account_id, now=now)
    providers, family = list_providers(), budgets.list_family(account_id)
    resting = _list_resting(family, now)
    chances = {provider.slug: read_hit_share(provider.slug) for provider in providers}
    remaining = budget.cap - budget.committed
    offers = []
    for field, gain in wanted.items():
        able = [provider for provider in providers if field in provider.fields]
        best = _choose(able, resting)
        offers.append(
            FieldOffer(field=field, gain=gain, blocked="no_provider")
            if best is None
            else FieldOffer(
                field=field,
                gain=gain,
                expected_gain=gain * chances[best.slug],
                provider=best.slug,
                provider_label=best.label,
                micro_dollars=best.price,
                blocked=_find_obstacle(best, domain, resting, remaining),
            )
        )
    offers.sort(key=lambda offer: (bool(offer.blocked), -offer.gain_per_dollar, offer.field))
    return Offers(
        fields=tuple(offers),
        month=budget.month,
        spent=budget.committed,
        cap=budget.cap,
        calls=_list_calls(family),
    )


def read_hit_share(provider: str) -> float:
    """Return how often a provider knows a company, 0…1: (hits + 1) / (answers + 2) of the newest answers."""
    answers = EnrichmentSpend.objects.filter(provider=provider).order_by("-reserved_at")
    newest = answers.values_list("outcome", flat=True)[:SAMPLE]
    told = [outcome for outcome in newest if outcome in ("hit", "miss")]
    return (told.count("hit") + 1) / (len(told) + 2)


def _choose(able: list[Provider], resting: set[str]) -> Provider | None:
    """Return the cheapest provider, one that may be asked before one that rests."""
    return min(able, key=lambda item: (item.slug in resting, item.price, item.slug), default=None)


def _find_obstacle(provider: Provider, domain: str | None, resting: set[str], remaining: int) -> str:
    if not domain:
        return "no_domain"
    if provider.slug in resting:
        return "resting"
    return "over_budget" if provider.price > remaining else ""


def _list_resting(family: Collection[UUID], now: datetime) -> set[str]:
    rows = EnrichmentSpend.objects.filter(account_id__in=family, rest_until__gt=now)
    return set(rows.values_list("provider", flat=True))


def _list_calls(family: Collection[UUID]) -> tuple[Call, ...]:
    rows = EnrichmentSpend.objects.filter(account_id__in=family, settled_at__isnull=False)
    return tuple(
        Call(provider=row.provider, outcome=row.outcome, micro_dollars=row.micro_dollars, at=row.reserved_at)
        for row in rows.order_by("-reserved_at", "id")[:LISTED]
    )
