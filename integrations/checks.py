"""System checks of the connectors' settings."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from integrations.standard_webhooks import MIN_SECRET_BYTES, InvalidSecret, decode_secret


@register
def check_webhook_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a webhook secret that could not protect anything."""
    for position, secret in enumerate(settings.SALESFORCE_WEBHOOK_SECRETS):
        try:
            decode_secret(secret)
        except InvalidSecret as error:
            return [
                Error(f"SALESFORCE_WEBHOOK_SECRETS, entry {position + 1}: {error}", id="integrations.E001")
            ]
    return []


@register
def check_outbound_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a key that could be guessed, and keys without an organisation to belong to."""
    keys = settings.SALESFORCE_OUTBOUND_KEYS
    if any(len(key) < MIN_SECRET_BYTES for key in keys):
        message = f"SALESFORCE_OUTBOUND_KEYS: a key needs at least {MIN_SECRET_BYTES} characters"
        return [Error(message, id="integrations.E002")]
    if keys and len(settings.SALESFORCE_ORGANIZATION_ID) not in (15, 18):
        message = "SALESFORCE_OUTBOUND_KEYS need SALESFORCE_ORGANIZATION_ID, 15 or 18 characters"
        return [Error(message, id="integrations.E003")]
    return []
