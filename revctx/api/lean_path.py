"""Programs at the doors that take the most requests skip the layers made for people at a browser.

Sessions, CSRF, messages, content policy, log-in lockout, static files and content negotiation have no say
in a POST that carries a bearer token and JSON and is answered with JSON; together they cost several times
what storing a signal does. Token, scope, body and errors are looked at as everywhere.

`LeanDoor` answers such requests before Django makes a request object of them; what it can't vouch for, a body
without a length or a host that it does not know, goes on to Django, whose `LeanPathMiddleware` answers alike.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from http.client import responses
from typing import Any, NamedTuple, Protocol

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.urls import ResolverMatch, resolve
from django.utils import timezone
from django.utils.log import log_response

from revctx.api.errors import (
    ApiError,
    Forbidden,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMediaType,
    error_response,
    handle_500,
)
from revctx.api.models import ApiToken
from revctx.api.parsing import PARSERS, check_size
from revctx.api.tokens import find_recent_token
from revctx.observability.context import accept_request_id, bind_request_id
from revctx.observability.metrics import API_REQUEST_SECONDS

PATHS = frozenset({"/api/signals", "/api/signals/batch"})
MAX_HOSTS = 1_000
_LENGTH = re.compile(r"[0-9]{1,18}")

Environ = Mapping[str, Any]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Door(Protocol):
    """A view class that takes the lean path, beside its usual one for signed-in people."""

    lean_scope: str
    lean_status: int
    max_body_bytes: int
    lean_parsers: tuple[str, ...]

    @staticmethod
    def take(data: Any, token: ApiToken | None, actor: str) -> dict[str, Any]:
        """Do the work of one request and return the answer."""


class Answer(NamedTuple):
    """Status, body and headers of an answer in JSON."""

    status: int
    body: bytes
    headers: dict[str, str]


class LeanDoor:
    """WSGI: answers what takes the lean path, and hands everything else to Django."""

    def __init__(self, application: Application) -> None:
        """Keep Django's application."""
        self._application = application
        self._hosts: set[str] = set()
        self._matches: dict[str, ResolverMatch] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        path = environ.get("PATH_INFO", "")
        if not (
            _is_lean(environ, environ["REQUEST_METHOD"], path)
            and _LENGTH.fullmatch(environ.get("CONTENT_LENGTH") or "")
            and not environ.get("SCRIPT_NAME")
            and self._knows(environ.get("HTTP_HOST", ""))
        ):
            return self._application(environ, start_response)
        request_id = accept_request_id(environ.get("HTTP_X_REQUEST_ID"))
        started = time.perf_counter()
        match = self._matches.get(path) or self._resolve(path)
        _drop_lost_connection()
        with bind_request_id(request_id):
            status, body, headers = _answer_safely(environ, match.func.view_class)  # type: ignore[attr-defined]
        API_REQUEST_SECONDS.labels("POST", f"/{match.route}", str(status)).observe(
            time.perf_counter() - started
        )
        start_response(f"{status} {responses[status]}", [*headers.items(), ("X-Request-ID", request_id)])
        return [body]

    def _resolve(self, path: str) -> ResolverMatch:
        match = self._matches[path] = resolve(path)
        return match

    def _knows(self, host: str) -> bool:
        """Tell whether a host is ours; if not, Django says what it says of strange hosts."""
        if host in self._hosts:
            return True
        domain, _ = split_domain_port(host)
        is_ours = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
        if is_ours and len(self._hosts) < MAX_HOSTS:
            self._hosts.add(host)
        return is_ours


class LeanPathMiddleware:
    """Answers what takes the lean path but not the door; stands below request id and metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer, which all other requests go to."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if not _is_lean(request.META, request.method or "", request.path_info):
            return self.get_response(request)
        request.resolver_match = resolve(request.path_info)
        request.get_host()  # refuses a host that is not ours, as the layers skipped would
        door: type[Door] = request.resolver_match.func.view_class  # type: ignore[attr-defined]
        status, body, headers = _answer(request.META, request.read, door)
        return HttpResponse(body, status=status, headers=headers)


def _drop_lost_connection() -> None:
    """Do for the one database of these doors what Django does before each request."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _is_lean(environ: Environ, method: str, path: str) -> bool:
    return (
        method == "POST"
        and path in PATHS
        and environ.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
        and "HTTP_IDEMPOTENCY_KEY" not in environ
    )


def _answer_safely(environ: Environ, door: type[Door]) -> Answer:
    """Answer as `_answer`, and what we did not foresee with 500 or 503, as Django would."""
    length = int(environ["CONTENT_LENGTH"])
    try:
        return _answer(environ, lambda most: environ["wsgi.input"].read(min(length, most)), door)
    except Exception as error:
        response = handle_500(None)
        log_response(
            "%s: %s", response.reason_phrase, environ["PATH_INFO"], response=response, exception=error
        )
        return _finish(response.status_code, response.content, response.headers)


def _answer(environ: Environ, read: Callable[[int], bytes], door: type[Door]) -> Answer:
    """Do the work of a request whose headers are `environ`; `read` returns at most so many bytes of it."""
    try:
        token = _token(environ, door.lean_scope)
        answer = door.take(_read(environ, read, door), token, f"user:{token.user_id}")
    except ApiError as error:
        response = error_response(error)
        return _finish(response.status_code, response.content, response.headers)
    return _finish(door.lean_status, json.dumps(answer).encode(), {"Content-Type": "application/json"})


def _finish(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    own = {"X-Content-Type-Options": "nosniff", "Content-Length": str(len(body))}
    return Answer(status, body, dict(headers.items()) | own)


def _token(environ: Environ, scope: str) -> ApiToken:
    secret = environ["HTTP_AUTHORIZATION"][7:].strip()
    token = find_recent_token(secret=secret, now=timezone.now())
    if token is None:
        raise Unauthorized("authentication_failed", "The token is unknown, expired or revoked.")
    if scope not in token.scopes:
        raise Forbidden("permission_denied", f"This needs the scope {scope}.")
    return token


def _read(environ: Environ, read: Callable[[int], bytes], door: type[Door]) -> Any:
    """Return the body's document, reading no more than one byte over what is allowed."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if length == "0":
        return {}
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in door.lean_parsers:
        raise UnsupportedMediaType("unsupported_media_type", f"This takes {' or '.join(door.lean_parsers)}.")
    if length.isdigit() and int(length) > door.max_body_bytes:
        raise PayloadTooLarge("payload_too_large", f"The body is over {door.max_body_bytes} bytes.")
    raw = read(door.max_body_bytes + 1)
    check_size(raw, door.max_body_bytes)
    return PARSERS[kind](raw, door.max_body_bytes)
