"""Changes to the providers of company facts."""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from compliance import audit
from integrations.enrichment.models import EnrichmentProvider
from integrations.enrichment.validators import check_key
from integrations.generic.secrets import seal_secrets

KEY_WANTED = "The key was given for another address. Give the key for this one."


def needs_new_key(*, provider_id: UUID, base_url: str) -> bool:
    """Return whether an address is another server than the one that the sealed key was given for."""
    stored = EnrichmentProvider.objects.filter(pk=provider_id).first()
    return stored is not None and bool(stored.live_key) and _server(stored.base_url) != _server(base_url)


@transaction.atomic
def save_provider(*, provider: EnrichmentProvider, new_key: str, actor: str, now: datetime) -> None:
    """Store a provider and audit it; a new key replaces the one before.

    Raises:
        ValidationError: a key that no header can carry, or none for a server that has not had it before.
    """
    is_new = provider._state.adding
    check_key(new_key)
    EnrichmentProvider.objects.select_for_update().filter(pk=provider.pk).first()  # one change at a time
    if not new_key and needs_new_key(provider_id=provider.pk, base_url=provider.base_url):
        raise ValidationError({"new_key": KEY_WANTED})
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
            "kind": provider.kind,
            "host": urlsplit(provider.base_url or settings.ENRICHMENT_BASE_URL).netloc,
            "enabled": provider.enabled,
            "price_micro_dollars": provider.price_micro_dollars,
            "misses_cost": provider.misses_cost,
            "position": provider.position,
            "facts": " ".join(sorted(provider.fields)),
            "key_changed": bool(new_key),
        },
    )
    audit.record([entry])


def _server(address: str) -> tuple[str, str]:
    """Return scheme, host and port of an address; an empty one stands for that of the settings."""
    url = urlsplit(address)
    return url.scheme, url.netloc.lower()


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
