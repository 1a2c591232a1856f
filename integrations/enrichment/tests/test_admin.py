"""Providers are kept in the admin: checked, sealed, audited, and their key goes to their address alone."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from compliance.selectors import list_audit_events
from integrations.enrichment.models import EnrichmentProvider
from integrations.enrichment.selectors import list_providers
from integrations.enrichment.services import create_provider

pytestmark = pytest.mark.django_db
FORM = {
    "slug": "tech", "label": "Tech list", "kind": "plain", "base_url": "https://tech.example/v1",
    "fields": ["technologies"], "price_micro_dollars": "20000", "position": "1", "enabled": "on",
    "new_key": "very-secret",
}  # fmt: skip
PATH = "/admin/integrations/enrichmentprovider/"


@pytest.fixture
def client() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


class TestAdmin:
    def test_a_provider_is_added_changed_and_its_key_never_shown(self, client: Client) -> None:
        assert client.post(f"{PATH}add/", FORM).status_code == 302
        row = EnrichmentProvider.objects.get(slug="tech")
        changed = FORM | {"price_micro_dollars": "30000", "new_key": ""}
        assert client.post(f"{PATH}{row.id}/change/", changed).status_code == 302

        first, second = list_providers()

        assert (first.slug, first.price, first.api_key) == ("tech", 30_000, "very-secret")
        assert second.slug == "clearbit"
        page = client.get(f"{PATH}{row.id}/change/").content.decode()
        assert "very-secret" not in page
        assert b"very-secret" not in bytes(EnrichmentProvider.objects.get(slug="tech").live_key)
        payload = list_audit_events(name="enrichment_provider.changed").get().payload
        assert (payload["price_micro_dollars"], payload["key_changed"]) == (30_000, False)
        assert client.post(f"{PATH}{row.id}/delete/", {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize(
        "wrong",
        [{"slug": "crm"}, {"slug": "A b"}, {"base_url": "https://u:p@x.example"}, {"base_url": "file:///etc"},
         {"fields": ["ssn"]}, {"fields": []}, {"price_micro_dollars": "-1"},
         {"new_key": "schlüssel"}, {"new_key": "two words"}],
    )  # fmt: skip
    def test_what_could_do_harm_is_refused(self, client: Client, wrong: dict[str, Any]) -> None:
        assert client.post(f"{PATH}add/", FORM | wrong).status_code == 200
        assert not EnrichmentProvider.objects.exclude(slug="clearbit").exists()

    def test_another_host_needs_the_key_anew_and_is_audited(self, client: Client) -> None:
        client.post(f"{PATH}add/", FORM)
        path = f"{PATH}{EnrichmentProvider.objects.get(slug='tech').id}/change/"
        moved = FORM | {"base_url": "https://elsewhere.example:8443/v1", "misses_cost": "on", "new_key": ""}

        refused = client.post(path, moved)
        sent_to = list_providers()[0].base_url
        taken = client.post(path, moved | {"new_key": "other-secret"})

        assert (refused.status_code, taken.status_code) == (200, 302)
        assert sent_to == FORM["base_url"]
        assert (list_providers()[0].base_url, list_providers()[0].api_key) == (
            moved["base_url"],
            "other-secret",
        )
        payload = list_audit_events(name="enrichment_provider.changed").get().payload
        told = [payload[name] for name in ("host", "kind", "misses_cost", "key_changed")]
        assert told == ["elsewhere.example:8443", "plain", True, True]

    def test_another_path_of_the_same_host_keeps_the_key(self, client: Client) -> None:
        client.post(f"{PATH}add/", FORM)
        path = f"{PATH}{EnrichmentProvider.objects.get(slug='tech').id}/change/"

        client.post(path, FORM | {"base_url": "https://tech.example/v2", "new_key": ""})

        assert list_providers()[0].base_url == "https://tech.example/v2"

    def test_production_wants_https(self, settings: Any) -> None:
        settings.PROFILE = "production"

        with pytest.raises(ValidationError, match="https"):
            create_provider(
                slug="x", label="X", kind="plain", base_url="http://x.example", key="k", fields=["country"],
                price_micro_dollars=1, position=1, actor="user:1", now=timezone.now(),
            )  # fmt: skip

    def test_the_key_of_the_settings_goes_to_their_address_alone(self, settings: Any) -> None:
        settings.ENRICHMENT_API_KEY = "main-key"
        EnrichmentProvider.objects.update(base_url="https://other.example")

        assert list_providers() == []
