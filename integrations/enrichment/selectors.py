"""Reads of the providers of company facts."""

from django.conf import settings

from integrations.enrichment.contracts import Provider
from integrations.enrichment.models import EnrichmentProvider
from integrations.generic.secrets import open_secrets


def list_providers() -> list[Provider]:
    """Return the providers that can be asked now, in their order: switched on, with address and key."""
    rows = EnrichmentProvider.objects.filter(enabled=True).order_by("position", "slug")
    providers = (_view(row) for row in rows)
    return [provider for provider in providers if provider.base_url and provider.api_key]


def _view(row: EnrichmentProvider) -> Provider:
    # The key of the settings belongs to their address and is never sent to another.
    own = [*open_secrets(row.id, bytes(row.live_key)), ""][0]
    return Provider(
        id=row.id,
        slug=row.slug,
        label=row.label,
        kind=row.kind,
        base_url=row.base_url or settings.ENRICHMENT_BASE_URL,
        api_key=own if row.base_url else (own or settings.ENRICHMENT_API_KEY),
        fields=frozenset(row.fields),
        price=row.price_micro_dollars,
        misses_cost=row.misses_cost,
    )
