"""Request id and request time of every answer."""

import re
import time
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from revctx.observability.context import accept_request_id, bind_request_id
from revctx.observability.metrics import API_REQUEST_SECONDS

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Accept a well-formed `X-Request-ID` or make one; bind it to the work and echo it."""

    def __init__(self, get_response: GetResponse) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request under its id."""
        request_id = accept_request_id(request.headers.get("X-Request-ID"))
        with bind_request_id(request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class RequestMetricsMiddleware:
    """Time each request by method, route template and status, so that labels stay few."""

    def __init__(self, get_response: GetResponse) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request and note how long it took.

        Raises:
            BadRequest: its length is no number, which layers further in would take for one.
        """
        if not _LENGTH.fullmatch(request.META.get("CONTENT_LENGTH") or "0"):
            raise BadRequest("Content-Length must be a whole number of bytes.")
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        API_REQUEST_SECONDS.labels(
            request.method if request.method in _METHODS else "other",
            f"/{match.route}" if match else "unmatched",
            str(response.status_code),
        ).observe(time.perf_counter() - started)
        return response


_LENGTH = re.compile(r"[0-9]{1,18}")
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
