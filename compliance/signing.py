"""Signatures of what the product hands out, made with a key that the database never holds.

A document is signed over its canonical form: JSON with sorted keys, no blanks, UTF-8, so that anybody with
the public key can check it. Documents hold texts, whole numbers, booleans, nulls, lists and objects only.

Source: RFC 8032 (Ed25519), RFC 8037 (public key as JWK), RFC 8785 (canonical JSON; the same bytes here, for
documents without fractions whose keys are ASCII).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

ALGORITHM = "Ed25519"


def canonical_bytes(document: dict[str, Any]) -> bytes:
    """Return the bytes that are signed."""
    return json.dumps(
        document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def sign_document(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a member ``signature`` over all the rest."""
    key = Ed25519PrivateKey.from_private_bytes(settings.RECEIPT_SIGNING_KEY)
    value = key.sign(canonical_bytes(document))
    signature = {"algorithm": ALGORITHM, "key_id": get_key_id(), "value": _text(value)}
    return document | {"signature": signature}


def verify_document(signed: dict[str, Any], public_key: bytes) -> bool:
    """Tell whether a signed document is as it was signed by the holder of a public key (32 bytes)."""
    document = {name: value for name, value in signed.items() if name != "signature"}
    try:
        value = base64.urlsafe_b64decode(signed["signature"]["value"] + "==")
        Ed25519PublicKey.from_public_bytes(public_key).verify(value, canonical_bytes(document))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True


def get_public_key() -> bytes:
    """Return the 32 bytes with which signatures are checked."""
    return Ed25519PrivateKey.from_private_bytes(settings.RECEIPT_SIGNING_KEY).public_key().public_bytes_raw()


def get_key_id() -> str:
    """Return the short public id of the key."""
    return hashlib.sha256(b"revctx/receipt-key/1\x00" + get_public_key()).hexdigest()[:16]


def get_public_jwk() -> dict[str, str]:
    """Return the public key as a JSON Web Key."""
    return {
        "kty": "OKP",
        "crv": ALGORITHM,
        "use": "sig",
        "kid": get_key_id(),
        "x": _text(get_public_key()),
    }


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
