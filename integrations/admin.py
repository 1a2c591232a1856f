"""Mapped sources in the Django admin: the expressions, checked when saved, and the secret, never shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from integrations.enrichment import admin as enrichment_admin  # noqa: F401 - registers the providers
from integrations.generic.secrets import draw_secret
from integrations.generic.services import save_source
from integrations.models import ExpressionField, InboundRequest, MappedSource
from integrations.selectors import EXPRESSIONS
from integrations.standard_webhooks import InvalidSecret, decode_secret
from revctx.api.permissions import actor_of


class MappedSourceForm(forms.ModelForm):
    """The mapping, and a new secret that can be written and not read."""

    new_secret = forms.CharField(
        required=False,
        max_length=200,
        help_text="Standard Webhooks: whsec_ and base64, or any text of 16 characters or more. Copy it now; "
        "it is not shown again. The one before stays valid until you forget it. Empty: no change.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 70}),
    )
    forget_former = forms.BooleanField(required=False, label="Forget the former secret")

    class Meta:
        model = MappedSource
        fields = (*EXPRESSIONS, "slug", "label", "enabled", "attributes", "translations")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer a fresh secret to a new source."""
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.fields["new_secret"].initial = draw_secret
            self.fields["new_secret"].required = True

    def clean_new_secret(self) -> str:
        """Refuse a secret that could not protect anything."""
        secret: str = self.cleaned_data["new_secret"]
        if secret:
            try:
                decode_secret(secret)
            except InvalidSecret as error:
                raise forms.ValidationError(str(error)) from error
        return secret

    def clean_attributes(self) -> Any:
        """Return no attributes as an object without any."""
        return self.cleaned_data["attributes"] or {}

    def clean_translations(self) -> Any:
        """Return no translations as an object without any."""
        return self.cleaned_data["translations"] or {}

    def clean(self) -> dict[str, Any]:
        """Ask for at least one expression of the account."""
        cleaned = super().clean() or self.cleaned_data
        names = [name for name in self.fields if name.startswith("account_")]
        if not any(cleaned.get(name) for name in names):
            self.add_error("account_crm_id", "At least one of the account's expressions is needed.")
        return cleaned


@admin.register(MappedSource)
class MappedSourceAdmin(admin.ModelAdmin):
    """JSON sources and their mappings."""

    form = MappedSourceForm
    formfield_overrides = {ExpressionField: {"widget": forms.TextInput(attrs={"size": 70})}}
    list_display = ("slug", "label", "enabled", "dry_run", "updated_at")
    fieldsets = (
        (None, {"fields": ("slug", "label", "enabled", "dry_run", "new_secret", "forget_former")}),
        ("Event", {"fields": ("events", "type", "external_id", "natural_key", "occurred_at", "strength")}),
        (
            "Account",
            {
                "fields": tuple(
                    f"account_{kind}" for kind in ("crm_id", "external_id", "domain", "name", "id")
                )
            },
        ),
        ("Person", {"fields": ("person_mail", "person_name", "person_title")}),
        ("Attributes", {"fields": ("attributes", "translations")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the name of an existing source, which its signals refer to."""
        return ("slug", "dry_run") if obj else ("dry_run",)

    @admin.display(description="dry-run")
    def dry_run(self, source: MappedSource) -> str:
        """Return the link to the page that tries the mapping."""
        if source._state.adding:
            return "Save first; then a payload can be tried."
        return format_html('<a href="/integrations/sources/{}">Try a payload</a>', source.slug)

    def save_model(self, request: HttpRequest, obj: MappedSource, form: Any, change: bool) -> None:
        """Save through the service, which seals the secret and audits."""
        save_source(
            source=obj,
            new_secret=form.cleaned_data["new_secret"],
            forget_former=form.cleaned_data["forget_former"],
            actor=actor_of(request),
            now=timezone.now(),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: stored signals name it. Switch it off instead."""
        return False


@admin.register(InboundRequest)
class InboundRequestAdmin(admin.ModelAdmin):
    """The inbound log, to look at."""

    list_display = ("source", "last_at", "status", "reason", "requests", "accepted", "quarantined")
    list_filter = ("source", "status")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: the doors write it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the doors write it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: its retention prunes it."""
        return False
