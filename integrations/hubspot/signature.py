"""HubSpot's request signature, version 3. Pure.

Source: developers.hubspot.com, "Validating requests", X-HubSpot-Signature-v3: HMAC-SHA256, base64, keyed with
the app's client secret, over method, URI, body and timestamp (milliseconds) without anything between.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from integrations.standard_webhooks import InvalidSignature

TOLERANCE_MILLISECONDS = 300_000
# The only escapes that HubSpot undoes before it signs; all others stay as they were sent.
_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_ESCAPE = re.compile("|".join(_DECODED), re.IGNORECASE)


@dataclass(frozen=True)
class SignedRequest:
    """What HubSpot signs; `uri` is the address that it called, with scheme, host and query."""

    method: str
    uri: str
    body: bytes
    timestamp: str


def decode_uri(uri: str) -> str:
    """Return a URI with the escapes undone that HubSpot undoes; each once."""
    return _ESCAPE.sub(lambda match: _DECODED[match.group().upper()], uri)


def sign(request: SignedRequest, *, secret: str) -> str:
    """Return the signature header of a request."""
    return base64.b64encode(_digest(request, secret)).decode()


def verify(request: SignedRequest, *, signature: str, secrets: Iterable[str], now: datetime) -> None:
    """Check that a request was signed with one of the secrets within five minutes of now.

    All secrets are tried, in constant time.

    Raises:
        InvalidSignature: with the reason's code.
    """
    if not re.fullmatch(r"[0-9]{1,15}", request.timestamp):
        raise InvalidSignature("invalid_timestamp")
    if abs(now.timestamp() * 1000 - int(request.timestamp)) > TOLERANCE_MILLISECONDS:
        raise InvalidSignature("stale_timestamp")
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSignature("invalid_signature") from error
    matched = False
    for secret in secrets:
        matched |= hmac.compare_digest(_digest(request, secret), given)
    if not matched:
        raise InvalidSignature("wrong_signature")


def _digest(request: SignedRequest, secret: str) -> bytes:
    head = f"{request.method}{decode_uri(request.uri)}".encode()
    return hmac.digest(secret.encode(), head + request.body + request.timestamp.encode(), hashlib.sha256)
