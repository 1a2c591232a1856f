"""Random bytes for many rows: asked of the system once, for each call costs as much as a small hash."""

import os
from collections.abc import Iterator


def draw_bytes(*, length: int, count: int) -> Iterator[bytes]:
    """Return `count` values of `length` random bytes each, good for keys and nonces; none comes twice."""
    pool = os.urandom(length * count)
    return (pool[start : start + length] for start in range(0, length * count, length))
