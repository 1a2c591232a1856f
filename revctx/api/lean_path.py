"""Programs at the doors that take the most requests skip the layers made for people at a browser.

Sessions, CSRF, messages, content policy, log-in lockout, static files and content negotiation have no say
in a POST that carries a bearer token and JSON and is answered with JSON; together they cost several times
what storing a signal does. Token, scope, body and errors are looked at as everywhere.
"""

from collections.abc import Callable
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import ResolverMatch, resolve
from django.utils import timezone

from revctx.api.errors import (
    ApiError,
    Forbidden,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMediaType,
    error_response,
)
from revctx.api.models import ApiToken
from revctx.api.parsing import PARSERS, check_size
from revctx.api.tokens import find_recent_token

PATHS = frozenset({"/api/signals", "/api/signals/batch"})


class Door(Protocol):
    """A view class that takes the lean path, beside its usual one for signed-in people."""

    lean_scope: str
    lean_status: int
    max_body_bytes: int
    lean_parsers: tuple[str, ...]

    @staticmethod
    def take(data: Any, token: ApiToken | None, actor: str) -> dict[str, Any]:
        """Do the work of one request and return the answer."""


class LeanPathMiddleware:
    """Answers POSTs with a bearer token at these paths itself; stands below request id and metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer, which all other requests go to."""
        self.get_response = get_response
        self.matches: dict[str, ResolverMatch] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if not _is_lean(request):
            return self.get_response(request)
        match = self.matches.get(request.path_info)
        if match is None:
            match = self.matches[request.path_info] = resolve(request.path_info)
        request.resolver_match = match
        request.get_host()  # refuses a host that is not ours, as the layers skipped would
        door: type[Door] = match.func.view_class  # type: ignore[attr-defined]
        response = _answer(request, door)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Length"] = str(len(response.content))
        return response


def _is_lean(request: HttpRequest) -> bool:
    headers = request.META
    return (
        request.method == "POST"
        and request.path_info in PATHS
        and headers.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
        and "HTTP_IDEMPOTENCY_KEY" not in headers
    )


def _answer(request: HttpRequest, door: type[Door]) -> HttpResponse:
    try:
        token = _token(request, door.lean_scope)
        answer = door.take(_read(request, door), token, f"user:{token.user_id}")
    except ApiError as error:
        return error_response(error)
    return JsonResponse(answer, status=door.lean_status)


def _token(request: HttpRequest, scope: str) -> ApiToken:
    secret = request.META["HTTP_AUTHORIZATION"][7:].strip()
    token = find_recent_token(secret=secret, now=timezone.now())
    if token is None:
        raise Unauthorized("authentication_failed", "The token is unknown, expired or revoked.")
    if scope not in token.scopes:
        raise Forbidden("permission_denied", f"This needs the scope {scope}.")
    return token


def _read(request: HttpRequest, door: type[Door]) -> Any:
    """Return the body's document, reading no more than one byte over what is allowed."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length == "0":
        return {}
    kind = request.content_type
    if kind not in door.lean_parsers:
        raise UnsupportedMediaType("unsupported_media_type", f"This takes {' or '.join(door.lean_parsers)}.")
    if length.isdigit() and int(length) > door.max_body_bytes:
        raise PayloadTooLarge("payload_too_large", f"The body is over {door.max_body_bytes} bytes.")
    raw = request.read(door.max_body_bytes + 1)
    check_size(raw, door.max_body_bytes)
    return PARSERS[kind](raw, door.max_body_bytes)
