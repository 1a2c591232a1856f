"""Keys and ciphers for personal data: wrapping, sealing, keyed hashes. No database.

Every data key is 32 random bytes, stored wrapped by the key-encryption key; destroying the wrapped key
destroys what it sealed. Ciphers use AES-256-GCM with random nonces, good for 2³² messages a key.

Source: NIST SP 800-38D §8.3 (nonces), NIST SP 800-88r2 (cryptographic erase).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from revctx.keyed_hash import make_keyed_hash
from revctx.randomness import draw_bytes

KEY_BYTES = 32
HEADER_BYTES = 4
_NONCE_BYTES = 12
_VERSION = 1

# A data key belongs to a person (by id) or, for rows without one, to a month (by its first day).
KeyOwner = UUID | date


class SealBroken(ValueError):
    """A ciphertext was altered, moved to another row, or sealed under another key."""


class WrappingKeyMissing(RuntimeError):
    """A data key is wrapped by a key-encryption key that this process does not have."""


def make_data_key() -> bytes:
    """Return a new random data key."""
    return os.urandom(KEY_BYTES)


def get_wrapping_key_id() -> str:
    """Return the short public id of the current key-encryption key."""
    return _key_id(settings.SUBJECT_KEK)


def get_hash_key_id() -> str:
    """Return the short public id of the key that hashes addresses of subjects."""
    return _key_id(settings.SUBJECT_HASH_KEY)


def get_suppression_key_id() -> str:
    """Return the short public id of the key that hashes suppressed addresses."""
    return _key_id(settings.SUPPRESSION_HASH_KEY)


def hash_address(address: str) -> bytes:
    """Return the keyed hash under which a subject is found; ``address`` is normalised."""
    return hmac.digest(settings.SUBJECT_HASH_KEY, b"revctx/address/1\x00" + address.encode(), "sha256")


def hash_suppressed(address: str) -> bytes:
    """Return the keyed hash under which a suppression is found; ``address`` is normalised."""
    return hmac.digest(
        settings.SUPPRESSION_HASH_KEY, b"revctx/suppression/1\x00" + address.encode(), "sha256"
    )


def wrap_key(data_key: bytes, owner: KeyOwner) -> bytes:
    """Encrypt a data key under the key-encryption key, bound to its owner."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(settings.SUBJECT_KEK).encrypt(nonce, data_key, _wrapping_data(owner))


def unwrap_key(wrapped: bytes, wrapping_key_id: str, owner: KeyOwner) -> bytes:
    """Decrypt a data key.

    Raises:
        WrappingKeyMissing: it was wrapped by a key that is not configured.
        SealBroken: it was altered, or belongs to another owner.
    """
    known = {_key_id(key): key for key in (settings.SUBJECT_KEK, *settings.SUBJECT_KEK_PREVIOUS)}
    if wrapping_key_id not in known:
        raise WrappingKeyMissing(f"data key is wrapped by key {wrapping_key_id}, which is not configured")
    try:
        return AESGCM(known[wrapping_key_id]).decrypt(
            wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _wrapping_data(owner)
        )
    except InvalidTag as error:
        raise SealBroken("a wrapped key cannot be opened") from error


def seal_bytes(data_key: bytes, owner: KeyOwner, plaintext: bytes, associated: bytes) -> bytes:
    """Encrypt ``plaintext``, bound to its owner and to ``associated``; the result names its month."""
    return make_sealer(data_key, owner, draw_nonces(1))(plaintext, associated)


def draw_nonces(count: int) -> Iterator[bytes]:
    """Return nonces for so many values, each to be used once."""
    return draw_bytes(length=_NONCE_BYTES, count=count)


def make_sealer(data_key: bytes, owner: KeyOwner, nonces: Iterator[bytes]) -> Callable[[bytes, bytes], bytes]:
    """Return what seals values of one owner as ``seal_bytes`` does, the key set up once.

    Each value takes the next of ``nonces``, which sealers may share.
    """
    header = make_header(owner)
    cipher = AESGCM(_derive(data_key, b"seal"))
    common = _sealing_data(header, owner, b"")

    def seal(plaintext: bytes, associated: bytes) -> bytes:
        nonce = next(nonces)
        return header + nonce + cipher.encrypt(nonce, plaintext, common + associated)

    return seal


def open_bytes(data_key: bytes, owner: KeyOwner, sealed: bytes, associated: bytes) -> bytes:
    """Decrypt what ``seal_bytes`` made.

    Raises:
        SealBroken: altered, of another owner, or other associated data.
    """
    header, rest = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:]
    cipher = AESGCM(_derive(data_key, b"seal"))
    try:
        return cipher.decrypt(
            rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _sealing_data(header, owner, associated)
        )
    except (InvalidTag, ValueError) as error:
        raise SealBroken("a sealed value cannot be opened") from error


def fingerprint_bytes(data_key: bytes, owner: KeyOwner, content: bytes) -> bytes:
    """Return a keyed hash of ``content`` that dies with the key; its first 4 bytes name the month."""
    return make_fingerprinter(data_key, owner)(content)


def make_fingerprinter(data_key: bytes, owner: KeyOwner) -> Callable[[bytes], bytes]:
    """Return what hashes any number of contents of one owner as ``fingerprint_bytes`` does."""
    header, keyed_hash = make_header(owner), make_keyed_hash(_derive(data_key, b"fingerprint"))
    return lambda content: header + keyed_hash(content)


def make_header(owner: KeyOwner) -> bytes:
    """Return the 4 bytes that say which kind of key, and which month's, is needed."""
    month = owner.year * 12 + owner.month - 1 if isinstance(owner, date) else 0
    return bytes([_VERSION]) + month.to_bytes(3, "big")


def read_header(sealed: bytes) -> date | None:
    """Return the month whose key is needed, or None for a person's key.

    Raises:
        SealBroken: not one of our formats.
    """
    month = int.from_bytes(sealed[1:HEADER_BYTES], "big")
    if len(sealed) < HEADER_BYTES or sealed[0] != _VERSION or not (month == 0 or 24_000 <= month < 36_000):
        raise SealBroken("a sealed value has an unknown format")
    return date(month // 12, month % 12 + 1, 1) if month else None


def _wrapping_data(owner: KeyOwner) -> bytes:
    return b"revctx/data-key/1\x00" + _owner_bytes(owner)


def _sealing_data(header: bytes, owner: KeyOwner, associated: bytes) -> bytes:
    return b"revctx/seal/1\x00" + header + _owner_bytes(owner) + associated


def _owner_bytes(owner: KeyOwner) -> bytes:
    """Return 16 bytes, so that what follows them cannot be mistaken for part of them."""
    return owner.bytes if isinstance(owner, UUID) else owner.isoformat().encode().ljust(16, b"\x00")


def _derive(data_key: bytes, use: bytes) -> bytes:
    return hmac.digest(data_key, b"revctx/derive/1\x00" + use, "sha256")


@lru_cache(maxsize=8)
def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"revctx/key-id/1\x00" + key).hexdigest()[:16]
