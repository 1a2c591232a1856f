"""The admin of contexts: what is derived or written once is shown, never edited."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from contexts import icp_admin, models
from contexts.identity_models import IdentityMerge, MergeCandidate
from contexts.rollout_models import ConfigRollout
from contexts.services.retracting import find_unknown, retract_signals

__all__ = ["icp_admin"]  # its page registers itself


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows; nobody adds, changes or deletes them here."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from the services alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows are changed by the services alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows are kept."""
        return False


class WrittenOnceAdmin(ReadOnlyAdmin):
    """Shows rows and takes new ones."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A new version is a new row."""
        return super(ReadOnlyAdmin, self).has_add_permission(request)


class AliasInline(admin.TabularInline):
    """Aliases on the page of their account."""

    model = models.AccountAlias
    extra = 0
    can_delete = False
    fields = readonly_fields = ("kind", "value", "source_signal_id", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Aliases are learnt from signals."""
        return False


@admin.register(models.Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts with their aliases."""

    list_display = ("name", "id", "created_at")
    search_fields = ("name", "aliases__value")
    inlines = (AliasInline,)


@admin.register(models.AccountContext)
class AccountContextAdmin(ReadOnlyAdmin):
    """Scores as stored."""

    list_display = (
        "account",
        "intent_score",
        "fit_score",
        "priority",
        "band",
        "hot_until",
        "version",
        "scored_at",
    )
    list_filter = ("band",)
    list_select_related = ("account",)
    ordering = ("-priority", "account_id")


@admin.register(IdentityMerge)
class IdentityMergeAdmin(ReadOnlyAdmin):
    """What was merged; done and undone on the page of identity."""

    list_display = ("id", "kind", "merged_id", "survivor_id", "actor", "merged_at", "undone_at")
    list_filter = ("kind",)


@admin.register(MergeCandidate)
class MergeCandidateAdmin(ReadOnlyAdmin):
    """Pairs that may be one, and vendors' merges that failed."""

    list_display = ("id", "kind", "merged_id", "survivor_id", "reason", "state", "error_code", "created_at")
    list_filter = ("state", "reason")


@admin.register(models.Contact)
class ContactAdmin(ReadOnlyAdmin):
    """People by id; names stay sealed."""

    list_display = ("id", "account", "subject_id", "title_class", "created_at")
    list_select_related = ("account",)


@admin.register(models.Crossing)
class CrossingAdmin(ReadOnlyAdmin):
    """Passages of the high-intent band."""

    list_display = ("account_id", "direction", "intent", "threshold", "version", "crossed_at")
    list_filter = ("direction",)
    ordering = ("-crossed_at",)


@admin.register(models.LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Signals that counted."""

    list_display = (
        "signal_id",
        "account_id",
        "type",
        "stage",
        "occurred_at",
        "strength",
        "mass",
        "recorded_at",
    )
    list_filter = ("type",)
    ordering = ("-id",)


@admin.register(models.ScoreBucket)
class ScoreBucketAdmin(ReadOnlyAdmin):
    """Summed evidence."""

    list_display = ("account_id", "type", "stage", "subject_id", "bucket", "mass", "latest_at")
    list_filter = ("type",)
    ordering = ("-id",)


@admin.register(models.StoredPack)
class StoredPackAdmin(ReadOnlyAdmin):
    """Packs as agents got them."""

    list_display = ("id", "account_id", "content_hash", "created_at")
    ordering = ("-created_at",)


@admin.register(models.EnrichmentRecord)
class EnrichmentRecordAdmin(ReadOnlyAdmin):
    """What providers, the CRM and people said."""

    list_display = ("account_id", "provider", "recorded_at")
    ordering = ("-recorded_at",)


@admin.register(models.ConfigActivation, models.ActiveConfig)
class ActivationAdmin(ReadOnlyAdmin):
    """What is and was in use."""


@admin.register(ConfigRollout)
class ConfigRolloutAdmin(ReadOnlyAdmin):
    """Configurations on their way into use, with how far they have come."""

    list_display = (
        *("id", "state", "share", "decay", "weight", "actor", "replayed", "to_replay", "tried", "accounts"),
        *("would_rise", "would_fall", "scored", "started_at", "activated_at", "finished_at"),
    )
    list_filter = ("phase",)
    list_select_related = ("decay", "weight")
    ordering = ("-id",)
    readonly_fields = ("state",)
    exclude = ("phase",)

    @admin.display(description="of the phase")
    def share(self, rollout: ConfigRollout) -> str:
        """Return how much of the phase is done."""
        return f"{rollout.share_done:.0%}"


class RetractionForm(forms.ModelForm):
    """A signal's id and a reason."""

    def clean_signal_id(self) -> UUID:
        """Refuse an id that no signal has: the retraction could not be taken back."""
        signal_id: UUID = self.cleaned_data["signal_id"]
        if find_unknown([signal_id]):
            raise forms.ValidationError("No signal has this id.")
        return signal_id


@admin.register(models.Retraction)
class RetractionAdmin(WrittenOnceAdmin):
    """Signals that count no longer; adding one takes the signal back."""

    list_display = ("signal_id", "reason", "actor", "retracted_at")
    list_filter = ("reason",)
    ordering = ("-retracted_at",)
    fields = ("signal_id", "reason")
    form = RetractionForm

    def save_model(self, request: HttpRequest, obj: models.Retraction, form: Any, change: bool) -> None:
        """Take the signal back and score its account."""
        now = timezone.now()
        actor = f"user:{request.user.pk}"
        retract_signals(signal_ids=[obj.signal_id], reason=obj.reason, actor=actor, now=now)
        obj.actor, obj.retracted_at = actor, now


@admin.register(models.DecayConfig, models.WeightConfig)
class ConfigAdmin(WrittenOnceAdmin):
    """Versions of the configuration; the laboratory's promotion puts them into use."""

    list_display = ("__str__", "created_at")
    ordering = ("-version",)
