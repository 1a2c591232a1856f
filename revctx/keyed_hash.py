"""HMAC-SHA256 of many messages under one key."""

import hashlib
from collections.abc import Callable

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def make_keyed_hash(key: bytes) -> Callable[[bytes], bytes]:
    """Return what `hmac.digest(key, message, "sha256")` returns, as a function of the message.

    The key's two blocks are hashed once, not for every message; that and the look-up of the algorithm cost
    more than short messages.

    Source: RFC 2104, section 4.

    Raises:
        ValueError: the key is longer than a block.
    """
    if len(key) > _BLOCK_BYTES:
        raise ValueError(f"a key has at most {_BLOCK_BYTES} bytes")
    block = key.ljust(_BLOCK_BYTES, b"\x00")
    inner, outer = hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))

    def keyed_hash(message: bytes) -> bytes:
        within, around = inner.copy(), outer.copy()
        within.update(message)
        around.update(within.digest())
        return around.digest()

    return keyed_hash
