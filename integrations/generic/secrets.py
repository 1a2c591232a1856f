"""The webhook secrets of mapped sources, sealed in their rows."""

import json
import os
import secrets
from base64 import b64encode
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES = 12
LIVE = 2  # the newest and the one before, so that a sender can change over


def draw_secret() -> str:
    """Return a new secret of 32 random bytes in the form of Standard Webhooks."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def seal_secrets(source_id: UUID, live: list[str]) -> bytes:
    """Return the secrets, the newest first, as the row of the source keeps them."""
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(live[:LIVE]).encode()
    return nonce + _cipher(settings.SIGNAL_HASH_KEY).encrypt(nonce, plain, source_id.bytes)


def open_secrets(source_id: UUID, sealed: bytes) -> list[str]:
    """Return the live secrets of a source, the newest first; none when none were given."""
    if not sealed:
        return []
    opened = _cipher(settings.SIGNAL_HASH_KEY).decrypt(
        sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], source_id.bytes
    )
    live: list[str] = json.loads(opened)
    return live


@lru_cache(maxsize=2)
def _cipher(key: bytes) -> AESGCM:
    """Return the cipher under a key of its own, derived from one that is never replaced."""
    purpose = b"revctx/webhook-secrets"
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(key))
