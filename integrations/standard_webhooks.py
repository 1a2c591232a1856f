"""Signatures of the Standard Webhooks specification. Pure.

Source: standardwebhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

TOLERANCE_SECONDS = 300
MIN_SECRET_BYTES = 16
_PREFIX = "whsec_"
_WEBHOOK_ID = re.compile(r"[A-Za-z0-9._:-]{1,256}")


class InvalidSecret(ValueError):
    """A secret is malformed or too short. The message never repeats it."""


class InvalidSignature(Exception):
    """A message was not signed by the holder of a secret of ours, or not lately.

    Args:
        code: short word for logs and answers.
    """

    def __init__(self, code: str) -> None:
        """Keep why."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class SignatureHeaders:
    """The three headers of a signed message."""

    id: str
    timestamp: str
    signature: str


def decode_secret(secret: str) -> bytes:
    """Return the key of a secret: `whsec_<base64>`, or any other text as it is.

    Raises:
        InvalidSecret: not base64 after the prefix, or under 16 bytes.
    """
    try:
        is_prefixed = secret.startswith(_PREFIX)
        key = base64.b64decode(secret[len(_PREFIX) :], validate=True) if is_prefixed else secret.encode()
    except binascii.Error as error:
        raise InvalidSecret("not base64 after whsec_") from error
    if len(key) < MIN_SECRET_BYTES:
        raise InvalidSecret(f"a secret needs at least {MIN_SECRET_BYTES} bytes")
    return key


def sign(*, secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature header of a message; `timestamp` in Unix seconds."""
    digest = _digest(decode_secret(secret), webhook_id, str(timestamp), body)
    return f"v1,{base64.b64encode(digest).decode()}"


def verify(*, headers: SignatureHeaders, body: bytes, secrets: Iterable[str], now: datetime) -> None:
    """Check that one of the signatures was made with one of the secrets within ±300 s.

    All comparisons take constant time and all are made, so timing tells neither how much of a signature
    was right nor which secret it was.

    Raises:
        InvalidSignature: with the reason's code.
    """
    if not _WEBHOOK_ID.fullmatch(headers.id):
        raise InvalidSignature("invalid_webhook_id")
    _check_age(headers.timestamp, now)
    given = [_decode(part) for part in headers.signature.split()[:16]]
    matched = False
    for secret in secrets:
        expected = _digest(decode_secret(secret), headers.id, headers.timestamp, body)
        for candidate in given:
            matched |= hmac.compare_digest(expected, candidate)
    if not matched:
        raise InvalidSignature("wrong_signature")


def _digest(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256)


def _check_age(timestamp: str, now: datetime) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise InvalidSignature("invalid_timestamp")
    if abs(now.astimezone(UTC).timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise InvalidSignature("stale_timestamp")


def _decode(part: str) -> bytes:
    """Return the bytes of one `v1,<base64>`; anything else matches nothing."""
    version, _, text = part.partition(",")
    if version != "v1":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
