"""Who may do what: scopes of the token, or of the roles of a signed-in person."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from revctx.api.models import ApiToken
from revctx.api.scopes import SCOPES, scopes_of_roles


def scopes_of_user(user: User | AnonymousUser) -> frozenset[str]:
    """Return the scopes of a person's groups; a superuser has all."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return SCOPES
    return scopes_of_roles(roles_of(user))


def roles_of(user: User) -> list[str]:
    """Return the names of a person's groups, asked of the database once a request."""
    known: list[str] | None = getattr(user, "_roles", None)
    if known is None:
        known = list(user.groups.values_list("name", flat=True))
        user._roles = known  # type: ignore[attr-defined]
    return known


def scopes_of(request: Request | HttpRequest) -> frozenset[str]:
    """Return what the caller of this request may do."""
    token = token_of(request)
    return scopes_of_user(request.user) if token is None else frozenset(token.scopes)


def token_of(request: Request | HttpRequest) -> ApiToken | None:
    """Return the token of this request, or None when a person is signed in."""
    token = getattr(request, "auth", None)
    return token if isinstance(token, ApiToken) else None


def actor_of(request: Request | HttpRequest) -> str:
    """Return the caller as audit rows name them."""
    return f"user:{request.user.pk}"


def HasScope(*needed: str) -> type[BasePermission]:  # noqa: N802 - it makes a class
    """Return a permission that asks for any one of these scopes."""

    class _HasScope(BasePermission):
        message = f"This needs the scope {' or '.join(needed)}."

        def has_permission(self, request: Request, view: Any) -> bool:
            return bool(scopes_of(request) & set(needed))

    return _HasScope


def MethodScope(**by_method: str) -> type[BasePermission]:  # noqa: N802 - it makes a class
    """Return a permission with one scope a method: `MethodScope(get="a:read", post="a:write")`.

    Any other method is answered 405, as by a view that never had it.
    """

    class _MethodScope(BasePermission):
        message = f"This needs one of the scopes {', '.join(sorted(set(by_method.values())))}."

        def has_permission(self, request: Request, view: Any) -> bool:
            method = "get" if request.method in {"HEAD", "OPTIONS"} else str(request.method).lower()
            if method not in by_method:
                raise MethodNotAllowed(str(request.method))
            return by_method[method] in scopes_of(request)

    return _MethodScope
