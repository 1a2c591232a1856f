"""What the header of every page needs."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from orchestration import selectors
from revctx.api.permissions import roles_of
from revctx.web.access import page_scopes

# Label, path, and the scope without which the page would refuse.
PAGES = (
    ("Home", "/", ""),
    ("Accounts", "/accounts", "accounts:read"),
    ("Approvals", "/approvals", "actions:read"),
    ("Signals", "/signals", "signals:read"),
    ("Integrations", "/integrations", "signals:write"),
    ("Laboratory", "/laboratory", "lab:read"),
    ("Privacy", "/privacy", "consent:read"),
    ("Audit", "/audit", "audit:read"),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the pages that the reader may open and how many drafts wait, asked for only when printed."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.path.startswith("/admin/"):
        return {}
    scopes = page_scopes(request)
    return {
        "navigation": [
            {"label": label, "path": path, "current": _is_current(request.path, path)}
            for label, path, scope in PAGES
            if not scope or scope in scopes
        ],
        "sends_to_sandbox": _is_on_this_machine(settings.OUTREACH_BASE_URL),
        "can_search": "accounts:read" in scopes,
        "roles": SimpleLazyObject(lambda: _roles(request)),
        "pending_count": SimpleLazyObject(selectors.count_pending) if "actions:read" in scopes else 0,
    }


def _is_current(at: str, path: str) -> bool:
    if path == "/approvals" and at == "/api/approval/ui":
        return True
    return at == path or (path != "/" and at.startswith(f"{path}/"))


def _is_on_this_machine(url: str) -> bool:
    """Say whether what is sent stays here, so that nobody takes the sandbox for a provider."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _roles(request: HttpRequest) -> str:
    if not isinstance(request.user, User):
        return ""
    names = [name.replace("_", " ") for name in roles_of(request.user)]
    return ", ".join(names + (["superuser"] if request.user.is_superuser else []))
