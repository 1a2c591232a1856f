"""Changes to the providers of company facts."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import audit
from integrations.enrichment.models import EnrichmentProvider
from integrations.generic.secrets import seal_secrets


@transaction.atomic
def save_provider(*, provider: EnrichmentProvider, new_key: str, actor: str, now: datetime) -> None:
    """Store a provider and audit it; a new key replaces the one before."""
    is_new = provider._state.adding
    if new_key:
        provider.live_key = seal_secrets(provider.id, [new_key])
    provider.save()
    entry = audit.AuditEntry(
        name="enrichment_provider.created" if is_new else "enrichment_provider.changed",
        actor=actor,
        target_type="enrichment_provider",
        target_id=str(provider.id),
        at=now,
        payload={
            "provider": provider.slug,
            "enabled": provider.enabled,
            "price_micro_dollars": provider.price_micro_dollars,
            "position": provider.position,
            "facts": " ".join(sorted(provider.fields)),
            "key_changed": bool(new_key),
        },
    )
    audit.record([entry])


def create_provider(
    *,
    slug: str,
    label: str,
    kind: str,
    base_url: str,
    key: str,
    fields: Collection[str],
    price_micro_dollars: int,
    position: int,
    actor: str,
    now: datetime,
) -> UUID:
    """Store a new provider as the admin would and return its id.

    Raises:
        django.core.exceptions.ValidationError: the admin would refuse it too.
    """
    provider = EnrichmentProvider(
        slug=slug,
        label=label,
        kind=kind,
        base_url=base_url,
        fields=sorted(fields),
        price_micro_dollars=price_micro_dollars,
        position=position,
    )
    provider.full_clean()
    save_provider(provider=provider, new_key=key, actor=actor, now=now)
    return provider.id
