"""Providers of company facts in the Django admin: price, order, what they fill; the key is never shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from integrations.enrichment.contracts import FIELDS
from integrations.enrichment.models import EnrichmentProvider
from integrations.enrichment.services import KEY_WANTED, needs_new_key, save_provider
from integrations.enrichment.validators import check_key
from revctx.api.permissions import actor_of


class EnrichmentProviderForm(forms.ModelForm):
    """The provider, and a new key that can be written and not read."""

    new_key = forms.CharField(
        required=False,
        max_length=500,
        validators=[check_key],
        help_text="Kept sealed; it is not shown again. Empty: no change. Another host needs it anew.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 70}),
    )
    # Django takes declared fields out of the class, so the form's own `fields` is untouched.
    fields = forms.MultipleChoiceField(  # type: ignore[assignment]
        label="What it can fill",
        choices=[(name, name) for name in FIELDS],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = EnrichmentProvider
        fields = (
            "slug", "label", "kind", "base_url", "fields", "price_micro_dollars", "misses_cost", "position",
            "enabled",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Refuse another server without its key, so that no key goes where nobody sent it."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        is_keyless = {"base_url", "new_key"} <= given.keys() and not given["new_key"]
        if is_keyless and needs_new_key(provider_id=self.instance.pk, base_url=given["base_url"]):
            self.add_error("new_key", KEY_WANTED)
        return given


@admin.register(EnrichmentProvider)
class EnrichmentProviderAdmin(admin.ModelAdmin):
    """Who is asked, in which order, and for how much."""

    form = EnrichmentProviderForm
    list_display = ("position", "slug", "kind", "filled", "price", "enabled", "updated_at")
    list_display_links = ("slug",)

    @admin.display(description="fills")
    def filled(self, provider: EnrichmentProvider) -> str:
        """Return the facts it can fill."""
        return ", ".join(provider.fields)

    @admin.display(description="price")
    def price(self, provider: EnrichmentProvider) -> str:
        """Return the price of a call in dollars."""
        return f"${provider.price_micro_dollars / 1_000_000:.4f}"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the name of an existing provider, which ledger and facts refer to."""
        return ("slug",) if obj else ()

    def save_model(self, request: HttpRequest, obj: EnrichmentProvider, form: Any, change: bool) -> None:
        """Save through the service, which seals the key and audits."""
        save_provider(
            provider=obj, new_key=form.cleaned_data["new_key"], actor=actor_of(request), now=timezone.now()
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the ledger names it. Switch it off instead."""
        return False
