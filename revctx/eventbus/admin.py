"""Dead work in the admin: seen, understood, replayed."""

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from revctx.eventbus import workitems
from revctx.eventbus.models import WorkItem
from revctx.observability.registry import record_audit


@admin.register(WorkItem)
class WorkItemAdmin(admin.ModelAdmin):
    """Read-only list of work items with one action: replay."""

    list_display = ("id", "group", "event_type", "state", "attempts", "last_error", "created_at", "done_at")
    list_filter = ("group", "state", "event_type")
    search_fields = ("=event_id", "=request_id")
    actions = ["replay"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Items come from events only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: WorkItem | None = None) -> bool:
        """Items are never deleted by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: WorkItem | None = None) -> bool:
        """Items are never edited; the list may be seen and replayed."""
        return request.user.is_superuser and obj is None

    @admin.action(description="Replay the dead ones")
    @transaction.atomic
    def replay(self, request: HttpRequest, queryset: QuerySet[WorkItem]) -> None:
        """Give each chosen dead item another five attempts."""
        now = timezone.now()
        dead = queryset.filter(state=WorkItem.State.DEAD)
        count = sum(workitems.replay_dead(group=item.group, event_id=item.event_id, now=now) for item in dead)
        record_audit(
            name="work.replayed",
            actor=f"user:{request.user.pk}",
            target_type="group",
            target_id="chosen",
            at=now,
            payload={"items": count},
        )
        self.message_user(request, f"{count} items opened again.")
