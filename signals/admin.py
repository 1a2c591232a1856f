"""Signals in the Django admin: to look at; only the catalogue and the quarantine can be changed."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from signals.models import QuarantinedPayload, Signal, SignalCode, SignalType
from signals.payload_schemas import InvalidSchema, check_schema
from signals.services.catalogue import save_type


@admin.register(Signal)
class SignalAdmin(admin.ModelAdmin):
    """Stored signals; the database refuses every change."""

    list_display = ("id", "type", "source", "account", "occurred_at", "received_at", "is_other_version")
    list_filter = ("type", "source")
    show_full_result_count = False
    fields = (
        "id",
        "type",
        "source",
        "account",
        "subject_id",
        "strength",
        "attributes",
        "occurred_at",
        "received_at",
        "request_id",
        "conflicts_with",
    )
    readonly_fields = fields

    @admin.display(boolean=True, description="other version")
    def is_other_version(self, signal: Signal) -> bool:
        """Return whether the event was already stored in another version."""
        return signal.conflicts_with is not None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: signals come in through their doors."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the store is append-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the store is append-only."""
        return False


class SignalTypeForm(forms.ModelForm):
    """A type of the catalogue, with what nobody would check refused."""

    class Meta:
        model = SignalType
        fields = ("name", "label", "description", "payload_schema", "claims")
        help_texts = {
            "name": "Lower-case letters, digits and '_', as sources send it.",
            "payload_schema": "JSON Schema of the attributes: number (with bounds), boolean, date "
            '({"type": "string", "format": "date-time"}) or code ({"type": "string", "x-codes": "stage"}).',
            "claims": 'What a draft may state on the strength of it, such as ["asked_for_demo"].',
        }

    def clean_name(self) -> str:
        """Take names only that fit everywhere.

        Raises:
            ValidationError: it does not.
        """
        name = str(self.cleaned_data["name"])
        if not self.instance.pk and not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            raise forms.ValidationError("Lower-case letters, digits and '_'; at most 64.")
        return name

    def clean_payload_schema(self) -> dict[str, Any]:
        """Take schemas that can be put into force.

        Raises:
            ValidationError: this one can't, and why.
        """
        schema: dict[str, Any] = self.cleaned_data["payload_schema"] or {}
        try:
            check_schema(schema)
        except InvalidSchema as error:
            raise forms.ValidationError(f"This schema can't be used: {error}.") from error
        return schema

    def clean_claims(self) -> list[str]:
        """Take a list of codes.

        Raises:
            ValidationError: it is none.
        """
        claims = self.cleaned_data["claims"] or []
        codes = isinstance(claims, list) and all(
            isinstance(claim, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", claim) for claim in claims
        )
        if not codes:
            raise forms.ValidationError('A list of codes, such as ["asked_for_demo"].')
        return list(claims)


@admin.register(SignalType)
class SignalTypeAdmin(admin.ModelAdmin):
    """The catalogue of signal types."""

    form = SignalTypeForm
    list_display = ("name", "label", "claims")
    search_fields = ("name", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the name of an existing type, which signals refer to."""
        return ("name",) if obj else ()

    def save_model(self, request: HttpRequest, obj: SignalType, form: Any, change: bool) -> None:
        """Store it through the service, which audits."""
        save_type(row=obj, actor=f"user:{request.user.pk}", now=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: stored signals refer to it."""
        return False


@admin.register(SignalCode)
class SignalCodeAdmin(admin.ModelAdmin):
    """Codes that attributes may hold, such as opportunity stages."""

    list_display = ("list_name", "code", "label")
    list_filter = ("list_name",)


@admin.register(QuarantinedPayload)
class QuarantinedPayloadAdmin(admin.ModelAdmin):
    """Payloads that nobody understood; they are opened, replayed and closed at `/signals/quarantine`."""

    list_display = ("id", "source", "reason", "received_at", "state", "outcome", "replays")
    list_filter = ("state", "reason", "source")
    fields = (
        *("id", "source", "reason", "received_at", "request_id", "state", "outcome"),
        *("signal_ids", "replays", "replayed_at", "resolved_at"),
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: payloads come in through webhooks."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a state that is edited would skip the audit log."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: nothing disappears."""
        return False
