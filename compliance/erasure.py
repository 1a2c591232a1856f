"""Erasure: a person's key and hash are destroyed, every app forgets, and the opt-out is kept as a hash.

Apps import this module while they are being loaded, before any model exists.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

Eraser = Callable[[UUID], None]

_erasers: dict[str, Eraser] = {}


def register_eraser(name: str, fn: Eraser) -> None:
    """Have ``fn`` called with the id of every erased subject, inside the erasing transaction.

    It deletes what its app holds about the person, by database writes only, and may be called again.
    Called in ``AppConfig.ready()``.

    Raises:
        ValueError: another eraser has that name.
    """
    if _erasers.setdefault(name, fn) is not fn:
        raise ValueError(f"an eraser named {name!r} is registered already")


def list_erasers() -> list[str]:
    """Return the names of the registered erasers, in the order they are called."""
    return sorted(_erasers)


def run_erasers(subject_id: UUID) -> None:
    """Call every registered eraser, in order of name."""
    for name in list_erasers():
        run_eraser(name, subject_id)


def run_eraser(name: str, subject_id: UUID) -> None:
    """Call one eraser; again does no harm.

    Raises:
        KeyError: none is registered by that name.
    """
    _erasers[name](subject_id)


def erase(*, subject_id: UUID, actor: str, now: datetime) -> bool:
    """Erase a person; return False if that had happened before.

    In one transaction: the key, the hash and the sealed address go, so everything sealed for the person is
    unreadable wherever it lies; every registered eraser runs; the address is suppressed under another key.
    Cost does not depend on the number of signals.

    Raises:
        UnknownSubject: no such subject.
    """
    from compliance import shredding  # needs models; see the module's docstring

    return shredding.shred(subject_id=subject_id, actor=actor, now=now)
