"""System checks of the connectors' settings."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from integrations.standard_webhooks import InvalidSecret, decode_secret


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
