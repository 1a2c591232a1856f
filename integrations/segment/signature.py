"""Segment's signature: HMAC-SHA1, hex, of the body. Pure.

Source: segmentio/segment-docs, Webhooks (Actions) Destination, "Authentication". It covers no time, so an old
message can be sent again; the message's id then makes it a duplicate. For a batch that the destination itself
makes, Segment signs the first event alone; such a body is refused, because the rest of it is unproved.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from integrations.standard_webhooks import InvalidSignature

_HEX = re.compile(r"[0-9a-fA-F]{40}")


def sign(body: bytes, *, secret: str) -> str:
    """Return the signature header of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def verify(body: bytes, *, signature: str, secrets: Iterable[str]) -> None:
    """Check that the whole body was signed with one of the secrets; all are tried, in constant time.

    Raises:
        InvalidSignature: with the reason's code.
    """
    if not _HEX.fullmatch(signature):
        raise InvalidSignature("invalid_signature" if signature else "missing_signature")
    matched = False
    for secret in secrets:
        matched |= hmac.compare_digest(sign(body, secret=secret), signature.lower())
    if not matched:
        raise InvalidSignature("wrong_signature")
