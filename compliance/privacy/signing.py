"""Ed25519 signatures under CERTIFICATE_SIGNING_KEY, which the database never sees."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings


class SignatureBroken(ValueError):
    """A document is not what was signed."""


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed: JSON, keys sorted, no blanks, ASCII only."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def sign(body: bytes) -> str:
    """Return the signature of ``body``, base64."""
    return base64.b64encode(_private_key(settings.CERTIFICATE_SIGNING_KEY).sign(body)).decode()


def verify(body: bytes, signature: str) -> None:
    """Check a signature of ours.

    Raises:
        SignatureBroken: it does not fit the body, or was made with another key.
    """
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(get_public_key()))
    try:
        key.verify(base64.b64decode(signature, validate=True), body)
    except (InvalidSignature, ValueError) as error:
        raise SignatureBroken("a signature does not fit its document") from error


def get_public_key() -> str:
    """Return the public key's 32 bytes, base64."""
    public = _private_key(settings.CERTIFICATE_SIGNING_KEY).public_key()
    return base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def get_key_id() -> str:
    """Return the short public id of the key: 16 hex digits of SHA-256 of the public key."""
    return hashlib.sha256(base64.b64decode(get_public_key())).hexdigest()[:16]


@lru_cache(maxsize=4)
def _private_key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)
