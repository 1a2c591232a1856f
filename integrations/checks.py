"""System checks of the connectors' settings."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from compliance.jurisdictions import find_jurisdiction
from integrations.hubspot.mapping import load_rules as load_hubspot_rules
from integrations.rules import InvalidRules
from integrations.segment.mapping import load_rules as load_segment_rules
from integrations.standard_webhooks import MIN_SECRET_BYTES, InvalidSecret, decode_secret

_SECRETS = ("SALESFORCE_WEBHOOK_SECRETS", "HUBSPOT_WEBHOOK_SECRETS", "SEGMENT_WEBHOOK_SECRETS")


@register
def check_webhook_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a webhook secret that could not protect anything."""
    found: list[CheckMessage] = []
    for name in _SECRETS:
        for position, secret in enumerate(getattr(settings, name)):
            try:
                decode_secret(secret)
            except InvalidSecret as error:
                found.append(Error(f"{name}, entry {position + 1}: {error}", id="integrations.E001"))
    return found


@register
def check_mappings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a mapping file that can't be used, and a law that nobody knows."""
    found: list[CheckMessage] = []
    for load, name in ((load_hubspot_rules, "HUBSPOT_MAPPING"), (load_segment_rules, "SEGMENT_MAPPING")):
        try:
            load(getattr(settings, name))
        except InvalidRules as error:
            found.append(Error(f"{name}: {error}", id="integrations.E002"))
    if find_jurisdiction(settings.HUBSPOT_PRIVACY_JURISDICTION) is None:
        found.append(Error("HUBSPOT_PRIVACY_JURISDICTION is no known code", id="integrations.E003"))
    return found


@register
def check_outbound_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a key that could be guessed, and keys without an organisation to belong to."""
    keys = settings.SALESFORCE_OUTBOUND_KEYS
    if any(len(key) < MIN_SECRET_BYTES for key in keys):
        message = f"SALESFORCE_OUTBOUND_KEYS: a key needs at least {MIN_SECRET_BYTES} characters"
        return [Error(message, id="integrations.E004")]
    if keys and len(settings.SALESFORCE_ORGANIZATION_ID) not in (15, 18):
        message = "SALESFORCE_OUTBOUND_KEYS need SALESFORCE_ORGANIZATION_ID, 15 or 18 characters"
        return [Error(message, id="integrations.E005")]
    return []
