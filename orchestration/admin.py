"""Admin of orchestration: everything to look at; decisions only through the services."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from orchestration import selectors
from orchestration.models import (
    Action,
    ActionMove,
    ActionRevision,
    AgentRun,
    Approval,
    DraftRequest,
    EnrichmentSpend,
    Execution,
)
from orchestration.services import approval
from orchestration.services.requests import reopen_dead
from revctx.api.errors import ApiError
from revctx.api.permissions import scopes_of_user

MAX_APPROVED_AT_ONCE = 20


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows are shown and never edited: a state changes only by a service."""

    actions: Any = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class MoveInline(admin.TabularInline):
    """The history of an action."""

    model = ActionMove
    extra = 0
    can_delete = False
    fields = readonly_fields = ("at", "name", "from_state", "to_state", "version", "actor", "reason_code")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(Action)
class ActionAdmin(ReadOnlyAdmin):
    """Actions; approval goes through the same service and the hash that the list shows."""

    list_display = (
        "id",
        "kind",
        "state",
        "intent",
        "p_action",
        "p_draft",
        "revision",
        "short_hash",
        "expires_at",
    )
    list_filter = ("state", "kind")
    search_fields = ("id", "account_id", "crossing_id")
    ordering = ("-created_at",)
    inlines = (MoveInline,)
    actions = ("approve_shown", "release_claims")

    @admin.display(description="content hash")
    def short_hash(self, action: Action) -> str:
        """Return the beginning of the hash that an approval is bound to."""
        return action.content_hash[:12]

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Ask for the same scope as the API."""
        return "actions:approve" in scopes_of_user(request.user)

    @admin.action(description="Read and approve", permissions=["approve"])
    def approve_shown(self, request: HttpRequest, queryset: QuerySet[Action]) -> HttpResponse | None:
        """Show the texts; then approve each through the service by the hash that was shown."""
        if "confirm" not in request.POST:
            return self._show_texts(request, queryset)
        for action in queryset.order_by("id"):
            version, _, content_hash = request.POST.get(f"seen_{action.id}", "").partition(":")
            try:
                approval.approve(
                    action_id=action.id,
                    version=int(version) if version.isdecimal() else None,
                    content_hash=content_hash,
                    actor_user_id=request.user.pk or 0,
                    now=timezone.now(),
                )
            except ApiError as error:
                self.message_user(request, f"{action.id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{action.id}: approved, on hold.", messages.SUCCESS)
        return None

    def _show_texts(self, request: HttpRequest, queryset: QuerySet[Action]) -> HttpResponse:
        chosen = list(queryset.order_by("id")[:MAX_APPROVED_AT_ONCE])
        actor = f"user:{request.user.pk}"
        summaries = selectors.summarise_actions(chosen, actor=actor, now=timezone.now())
        context = {**self.admin_site.each_context(request), "title": "Approve", "summaries": summaries}
        return TemplateResponse(request, "admin/orchestration/approve_actions.html", context)

    @admin.action(description="Release own claims", permissions=["approve"])
    def release_claims(self, request: HttpRequest, queryset: QuerySet[Action]) -> None:
        """Give up one's claims."""
        for action in queryset:
            try:
                approval.release(action_id=action.id, actor_user_id=request.user.pk or 0, now=timezone.now())
            except ApiError as error:
                self.message_user(request, f"{action.id}: {error.message}", messages.ERROR)


@admin.register(ActionRevision)
class ActionRevisionAdmin(ReadOnlyAdmin):
    """Texts by number and hash; the text itself is sealed."""

    list_display = ("action_id", "number", "author_id", "agent_line", "p_draft", "created_at")
    exclude = ("sealed",)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Decisions."""

    list_display = ("action_id", "decision", "revision", "user_id", "reason_code", "at")
    list_filter = ("decision",)
    exclude = ("sealed_note",)


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    """What was carried out."""

    list_display = ("id", "action_id", "kind", "state", "external_id", "error_code", "started_at")
    list_filter = ("state", "kind")


@admin.register(DraftRequest)
class DraftRequestAdmin(ReadOnlyAdmin):
    """Crossings that asked for an action."""

    list_display = ("crossing_id", "account_id", "state", "reason_code", "attempts", "due_at")
    list_filter = ("state",)
    actions = ("reopen",)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Ask for the scope to approve."""
        return "actions:approve" in scopes_of_user(request.user)

    @admin.action(description="Draft dead requests again", permissions=["approve"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[DraftRequest]) -> None:
        """Open dead requests again, with all their attempts."""
        ids = list(queryset.values_list("pk", flat=True))
        opened = reopen_dead(request_ids=ids, actor=f"user:{request.user.pk}", now=timezone.now())
        self.message_user(request, f"{opened} opened again.", messages.SUCCESS)


@admin.register(AgentRun)
class AgentRunAdmin(ReadOnlyAdmin):
    """The cost ledger of agents."""

    list_display = (
        "at", "provider", "model", "outcome", "input_tokens", "output_tokens", "micro_dollars", "latency_ms",
    )  # fmt: skip
    list_filter = ("provider", "outcome")


@admin.register(EnrichmentSpend)
class EnrichmentSpendAdmin(ReadOnlyAdmin):
    """The ledger of the enrichment budget."""

    list_display = ("account_id", "month", "provider", "state", "outcome", "micro_dollars", "reserved_at")
    list_filter = ("state", "provider")
