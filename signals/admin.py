"""Signals in the Django admin: to look at; only the catalogue and the quarantine can be changed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from signals.models import QuarantinedPayload, Signal, SignalCode, SignalType


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


@admin.register(SignalType)
class SignalTypeAdmin(admin.ModelAdmin):
    """The catalogue of signal types."""

    list_display = ("name", "label", "claims")
    search_fields = ("name", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the name of an existing type, which signals refer to."""
        return ("name",) if obj else ()

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
