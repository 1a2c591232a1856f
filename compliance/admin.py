"""Read-only admin pages: nothing here can be added, changed or deleted by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from compliance import audit, policies, retention
from compliance.models import (
    AuditLog,
    Breach,
    ConsentDecisionRecord,
    ConsentPolicy,
    ConsentRevision,
    PrivacyRequest,
    RetentionSchedule,
    Subject,
    Suppression,
)
from revctx.api.permissions import actor_of


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows and offers no way to change them."""

    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(AuditLog)
class AuditLogAdmin(ReadOnlyAdmin):
    """The audit log, newest first."""

    list_display = ("recorded_at", "name", "actor", "target_type", "target_id", "request_id")
    search_fields = ("=name", "=actor", "=target_id", "=request_id")
    ordering = ("-recorded_at", "-id")


@admin.register(ConsentRevision)
class ConsentRevisionAdmin(ReadOnlyAdmin):
    """Consent statements, newest first."""

    list_display = ("recorded_at", "subject_id", "purpose", "channel", "number", "status", "jurisdiction")
    list_filter = ("status", "purpose", "channel")
    exclude = ("sealed_proof",)
    ordering = ("-recorded_at",)


@admin.register(ConsentDecisionRecord)
class ConsentDecisionAdmin(ReadOnlyAdmin):
    """Decisions that something was sent on, or not, newest first."""

    list_display = ("recorded_at", "subject_id", "purpose", "channel", "allowed", "reason", "revision_id")
    list_filter = ("allowed", "reason")
    ordering = ("-id",)


@admin.register(ConsentPolicy)
class ConsentPolicyAdmin(admin.ModelAdmin):
    """What the law allows. Rows change here with an audit entry; to forbid a case, set it to deny."""

    list_display = ("country", "channel", "subscriber_type", "mode", "double_opt_in", "legal_source")
    list_filter = ("country", "channel", "subscriber_type", "mode")
    search_fields = ("=country", "legal_source")
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: ConsentPolicy | None = None) -> tuple[str, ...]:
        """Keep the case of a row: another case is another row."""
        return ("country", "subscriber_type", "channel") if obj else ()

    def save_model(self, request: HttpRequest, obj: ConsentPolicy, form: Any, change: bool) -> None:
        """Store and audit."""
        policies.save_policy(obj, actor=actor_of(request), now=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: without its row a place would follow a wider one."""
        return False


@admin.register(Subject)
class SubjectAdmin(ReadOnlyAdmin):
    """Persons as ids; no address, hash or key is shown."""

    list_display = ("id", "created_at", "erased_at")
    fields = ("id", "created_at", "erased_at")
    search_fields = ("=id",)
    ordering = ("-created_at",)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Suppressions without the hash they stand for."""

    list_display = ("id", "reason", "created_at", "lifted_at")
    fields = ("id", "reason", "created_at", "lifted_at")
    ordering = ("-created_at",)


@admin.register(Breach)
class BreachAdmin(ReadOnlyAdmin):
    """Breaches; what is done about them is recorded on the privacy pages."""

    list_display = ("id", "nature", "risk", "aware_at", "authority_due_at", "closed_at")
    list_filter = ("risk", "nature")


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(ReadOnlyAdmin):
    """Requests, the one that is due first on top; they are decided on the privacy pages."""

    list_display = ("id", "type", "state", "jurisdiction", "received_at", "due_at")
    list_filter = ("state", "type")
    exclude = ("sealed_details",)
    ordering = ("due_at", "id")


class RetentionForm(forms.ModelForm):
    """The days of one class."""

    def clean_keep_days(self) -> int:
        """Refuse fewer days than the class has to be kept."""
        days: int = self.cleaned_data["keep_days"]
        least = retention.get_least_days(self.instance.data_class)
        if days < least:
            raise forms.ValidationError(f"This class is kept for at least {least} days.")
        return days


@admin.register(RetentionSchedule)
class RetentionScheduleAdmin(admin.ModelAdmin):
    """How long each class of data is kept; a change is audited and holds from the next daily run."""

    list_display = ("data_class", "keep_days", "reason", "updated_at")
    readonly_fields = ("data_class", "updated_at")
    form = RetentionForm
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: classes come with the code that deletes them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a class without a schedule would be kept for ever."""
        return False

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: RetentionSchedule, form: Any, change: bool) -> None:
        """Save and audit the change."""
        obj.updated_at = timezone.now()
        super().save_model(request, obj, form, change)
        entry = audit.AuditEntry(
            name="retention.changed",
            actor=f"user:{request.user.pk}",
            target_type="data_class",
            target_id=obj.data_class,
            at=obj.updated_at,
            payload={"keep_days": obj.keep_days},
        )
        audit.record([entry])
