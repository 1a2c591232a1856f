"""What every webhook's door does before it looks at a body."""

from typing import Any

import structlog
from rest_framework.request import Request

from revctx.api.errors import PayloadTooLarge, Unauthorized, UnsupportedMediaType
from revctx.api.parsing import MAX_BYTES, parse_json

log = structlog.get_logger(__name__)


def read_body(request: Request, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the raw body, which the signature covers, or refuse it before reading it all.

    Raises:
        PayloadTooLarge: it declares more than `max_bytes`, or no length.
    """
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdigit() or int(declared) > max_bytes:
        raise PayloadTooLarge("payload_too_large", f"The body has more than {max_bytes} bytes.")
    raw: bytes = request._request.body
    return raw


def parse_body(request: Request, raw: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """Return the document of a verified body.

    Raises:
        UnsupportedMediaType, BadRequest: it is not JSON.
    """
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType("unsupported_media_type", "The body must be application/json.")
    return parse_json(raw, max_bytes=max_bytes)


def refuse(request: Request, source: str, code: str) -> Unauthorized:
    """Return the refusal of a request that is not signed as it should be.

    The answer does not say why; the inbound log does.
    """
    request._request.inbound_reason = code  # type: ignore[attr-defined]
    log.warning("webhook.refused", source=source, reason=code)
    return Unauthorized("invalid_signature", "The webhook is not signed as it should be.")
