"""API tokens in the Django admin: who may come in with what, and their end. No token can be read here."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from revctx.api.models import ApiToken
from revctx.api.permissions import actor_of
from revctx.api.tokens import revoke_by_ids

_SHOWN = ("label", "user", "scope_names", "source", "digest_end", "created_at", "expires_at")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Tokens, the newest first. Only their digests are kept; `manage.py mcp_token` makes new ones."""

    list_display = (
        "label",
        "user",
        "scope_names",
        "source",
        "digest_end",
        "created_at",
        "expires_at",
        "state",
    )
    list_filter = ("label", "user")
    search_fields = ("label", "user__username")
    list_select_related = ("user",)
    ordering = ("-created_at", "-pk")
    fields = (
        "label",
        "user",
        "scope_names",
        "source",
        "digest_end",
        "created_at",
        "expires_at",
        "revoked_at",
    )
    actions = ("revoke",)
    show_full_result_count = False

    @admin.display(description="scopes")
    def scope_names(self, token: ApiToken) -> str:
        """Return what it may do."""
        return ", ".join(token.scopes)

    @admin.display(description="SHA-256 ends in")
    def digest_end(self, token: ApiToken) -> str:
        """Return the last four digits by which its holder recognises it; the token itself is not kept."""
        return bytes(token.digest).hex()[-4:]

    @admin.display(description="state")
    def state(self, token: ApiToken) -> str:
        """Return live, expired or revoked."""
        if token.revoked_at is not None:
            return "revoked"
        is_expired = token.expires_at is not None and token.expires_at <= timezone.now()
        return "expired" if is_expired else "live"

    @admin.action(description="Revoke selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End those that are not revoked yet; audited."""
        ids = list(queryset.values_list("pk", flat=True))
        revoked = revoke_by_ids(token_ids=ids, actor=actor_of(request), now=timezone.now())
        self.message_user(request, f"{len(revoked)} revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Ask for Django's permission to change tokens, though nothing else of them changes."""
        return request.user.has_perm("api.change_apitoken")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a token is made where it is shown once."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Refuse: what a token may do was decided when it was made."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Refuse: audit rows name it. Revoke it."""
        return False
