"""The laboratory in the admin: to look at, never to edit; changes go through the services."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from laboratory.models import CrossingDecision, Experiment, Promotion, Run


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyAdmin):
    """Experiments."""

    list_display = ("name", "window_start", "window_end", "known_at", "created_by", "created_at")
    search_fields = ("name",)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs."""

    list_display = ("id", "experiment", "state", "processed", "total", "worker", "created_at", "finished_at")
    list_filter = ("state",)


@admin.register(CrossingDecision)
class CrossingDecisionAdmin(ReadOnlyAdmin):
    """Crossings of both arms."""

    list_display = ("run", "arm", "account_id", "at", "intent")
    list_filter = ("arm",)


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    """Promotions; approved through the API and the page, where four eyes are kept."""

    list_display = (
        "id",
        "experiment",
        "state",
        "verdict",
        "proposer",
        "approver",
        "created_at",
        "expires_at",
    )
    list_filter = ("state",)
