"""Ask the database once: what many parts of one page need is read by the first of them.

Only inside `reading()`, which a page opens around what it reads. Nothing that is remembered is changed in
there; that a letter was opened may be recorded. Elsewhere every call asks anew.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_memory: ContextVar[dict[str, Any] | None] = ContextVar("reading", default=None)


@contextmanager
def reading() -> Iterator[None]:
    """Remember answers until the end of the block."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def is_reading() -> bool:
    """Tell whether answers are remembered."""
    return _memory.get() is not None


def read_once(name: str, read: Callable[[], V]) -> V:
    """Return the answer of `read`, of the first call under this name."""
    memory = _memory.get()
    if memory is None:
        return read()
    if name not in memory:
        memory[name] = read()
    found: V = memory[name]
    return found


def look_up(name: str, keys: Collection[K], read: Callable[[set[K]], Mapping[K, V]]) -> dict[K, V]:
    """Return what `read` finds for these keys; keys that were asked for before are not asked for again."""
    memory = _memory.get()
    if memory is None:
        return dict(read(set(keys))) if keys else {}
    known: dict[K, V | None] = memory.setdefault(name, {})
    unknown = set(keys) - known.keys()
    if unknown:
        found = read(unknown)
        known.update({key: found.get(key) for key in unknown})
    return {key: value for key in keys if (value := known[key]) is not None}
