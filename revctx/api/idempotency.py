"""`Idempotency-Key`: a POST repeated within two days gets the first answer and does nothing twice.

Bodies are never kept: a request is remembered by a keyed hash, an answer by its status and the
ids in it. The row is claimed before the work, in a transaction of its own, so that two requests
at once can't both do it.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from revctx.api.errors import (
    ApiError,
    BadRequest,
    Conflict,
    PayloadTooLarge,
    Unprocessable,
    error_response,
)
from revctx.api.models import ApiToken, IdempotencyKey
from revctx.api.tokens import find_token

MAX_LENGTH = 128
LEASE = timedelta(minutes=1)
REMEMBERED = timedelta(days=2)
_KEPT_FIELDS = {
    *("id", "status", "state", "version", "run_id", "promotion_id", "signals", "revision_id"),
    *("accepted", "duplicates", "conflicts"),
}


class IdempotencyMiddleware:
    """Applies the header to every POST below `/api` that carries a known bearer token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, or repeat the answer that it got before."""
        key = request.headers.get("Idempotency-Key", "")
        if not key or request.method != "POST" or not request.path.startswith("/api/"):
            return self.get_response(request)
        token = _token_of(request)
        if token is None:
            return self.get_response(request)
        try:
            row = _claim(token=token, key=key, request_hash=_hash(request), now=timezone.now())
        except RequestDataTooBig:
            return error_response(PayloadTooLarge("payload_too_large", "The body is too large."))
        except ApiError as error:
            return error_response(error)
        if row.status is not None:
            return JsonResponse(row.answer, status=row.status, headers={"Idempotent-Replayed": "true"})
        return self._answer(request, row)

    def _answer(self, request: HttpRequest, row: IdempotencyKey) -> HttpResponse:
        response = self.get_response(request)
        claimed = IdempotencyKey.objects.filter(pk=row.pk)  # gone if a slow request was taken over
        if response.status_code >= 500:
            claimed.delete()  # nothing was stored, so the caller may try again
        else:
            claimed.update(status=response.status_code, answer=_kept_part(response))
        return response


def _token_of(request: HttpRequest) -> ApiToken | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return find_token(secret=secret.strip(), now=timezone.now()) if scheme.lower() == "bearer" else None


def _hash(request: HttpRequest) -> bytes:
    message = b"\n".join([request.get_full_path().encode(), request.body])
    return hmac.new(settings.SIGNAL_HASH_KEY, message, hashlib.sha256).digest()


def _claim(*, token: ApiToken, key: str, request_hash: bytes, now: datetime) -> IdempotencyKey:
    if len(key) > MAX_LENGTH or not key.isprintable():
        raise BadRequest(
            "invalid_idempotency_key", f"Idempotency-Key takes 1–{MAX_LENGTH} printable characters."
        )
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(
                user=token.user, key=key, request_hash=request_hash, created_at=now
            )
    except IntegrityError:
        return _existing(token=token, key=key, request_hash=request_hash, now=now)


def _existing(*, token: ApiToken, key: str, request_hash: bytes, now: datetime) -> IdempotencyKey:
    """Return the earlier request of this key, taken over when its process died on the way."""
    row = IdempotencyKey.objects.filter(user=token.user, key=key).first()
    if row is None:
        raise Conflict("in_progress", "The first request with this key has just failed; try again.")
    if not hmac.compare_digest(bytes(row.request_hash), request_hash):
        raise Unprocessable("idempotency_key_reused", "This Idempotency-Key was used for another request.")
    if row.status is None:
        taken = IdempotencyKey.objects.filter(pk=row.pk, status=None, created_at__lt=now - LEASE)
        if not taken.update(created_at=now):
            raise Conflict("in_progress", "The first request with this Idempotency-Key is still running.")
    return row


def _kept_part(response: HttpResponse) -> dict[str, Any]:
    """Return the ids and states of an answer; of an error, not the fields, whose names are the caller's."""
    if not response.headers.get("Content-Type", "").startswith("application/json"):
        return {}
    body = json.loads(response.content or b"{}")
    if not isinstance(body, dict):
        return {}
    if "error" in body:
        return {"error": {name: value for name, value in body["error"].items() if name != "fields"}}
    kept = {name: value for name, value in body.items() if name in _KEPT_FIELDS}
    if "rejected" in body:
        # The messages may name what the caller named; the first answer held them.
        kept["rejected"] = [
            {"index": item["index"], "code": item["code"], "message": "See the first answer."}
            for item in body["rejected"]
        ]
    return kept
