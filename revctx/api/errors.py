"""The one error shape: `{"error": {"code", "message", "fields"?, "request_id"}}`."""

import sys
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from revctx.observability.context import get_request_id

RETRY_SECONDS = 5


class ApiError(Exception):
    """A refusal that tells the caller what to do.

    Args:
        code: short snake_case word that programs can rely on.
        message: one sentence for a person.
        fields: what is wrong with which field of the body.
        extra: further keys of the error object, such as the current version.
        retry_after: seconds after which to try again.
    """

    status = 400
    retry_after: int | None = None

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Keep what the answer will say."""
        super().__init__(message)
        self.code, self.message, self.fields, self.extra = code, message, fields, extra or {}
        if retry_after is not None:
            self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that go with the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class BadRequest(ApiError):
    """The request can't be understood."""

    status = 400


class Unauthorized(ApiError):
    """The caller did not prove who they are."""

    status = 401

    @property
    def headers(self) -> dict[str, str]:
        """Name the scheme that would do."""
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(ApiError):
    """The caller may not do this."""

    status = 403


class NotFound(ApiError):
    """There is no such thing, or the caller may not know of it."""

    status = 404


class Conflict(ApiError):
    """The thing has changed since the caller looked."""

    status = 409


class Gone(ApiError):
    """The thing has expired."""

    status = 410


class PayloadTooLarge(ApiError):
    """The body is larger than this endpoint takes."""

    status = 413


class UnsupportedMediaType(ApiError):
    """The body is not of a type that this endpoint takes."""

    status = 415


class Unprocessable(ApiError):
    """The request is understood and refused for what it says."""

    status = 422


class PreconditionRequired(ApiError):
    """The request must name what it is based on."""

    status = 428


class TooManyRequests(ApiError):
    """The caller sends more than it may."""

    status = 429


class Unavailable(ApiError):
    """A service that this needs does not answer; try again later."""

    status = 503
    retry_after = RETRY_SECONDS


def error_body(code: str, message: str, fields: dict[str, str] | None = None, **extra: Any) -> dict[str, Any]:
    """Return the error object that every refusal carries."""
    error: dict[str, Any] = {"code": code, "message": message, "request_id": get_request_id()}
    if fields:
        error["fields"] = fields
    return {"error": error | extra}


def error_response(error: ApiError) -> JsonResponse:
    """Print an error outside of a DRF view."""
    body = error_body(error.code, error.message, error.fields, **error.extra)
    return JsonResponse(body, status=error.status, headers=error.headers)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Print every refusal of a DRF view in the one shape; unknown errors stay 500s."""
    if isinstance(error, ApiError):
        body = error_body(error.code, error.message, error.fields, **error.extra)
        return Response(body, status=error.status, headers=error.headers)
    translated = _translate(error)
    if translated is None:
        return None
    headers = {"WWW-Authenticate": "Bearer"} if translated.status_code == 401 else {}
    body = error_body(_code(translated), str(translated.detail))
    return Response(body, status=translated.status_code, headers=headers)


def _translate(error: Exception) -> exceptions.APIException | None:
    """Return the DRF exception that stands for Django's own."""
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        too_big = exceptions.APIException("The body is too large.", code="payload_too_large")
        too_big.status_code = 413
        return too_big
    return error if isinstance(error, exceptions.APIException) else None


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def handle_404(request: Any, exception: Exception | None = None) -> JsonResponse:
    """Answer an unknown path below `/api`."""
    return error_response(NotFound("not_found", "There is no such endpoint; see /api/docs."))


def handle_500(request: Any) -> JsonResponse:
    """Answer an error of ours below `/api`; the log holds the rest under the request id.

    A database that refuses is no error of ours: 503, come back later.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return error_response(Unavailable("unavailable", "The database does not answer; try again."))
    body = error_body("internal_error", "Something failed on our side; nothing of this request was stored.")
    return JsonResponse(body, status=500)
