"""What apps hand to privacy requests, beside their erasers; called in ``AppConfig.ready()``.

Apps import this module while they are being loaded, before any model exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

# (subject, actor, now) → what the app holds about the person, as JSON.
Exporter = Callable[[UUID, str, datetime], Any]
# (subject, reason code, now): cancel what is pending for the person and stop working on them.
Stopper = Callable[[UUID, str, datetime], None]
# (subject, {"name": …, "title": …}, now): replace what the app holds.
Corrector = Callable[[UUID, dict[str, str], datetime], None]


@dataclass(frozen=True)
class Connector:
    """Somebody else's system that may hold the person.

    ``is_concerned`` says, before the person is erased, whether it was ever told of them; ``erase`` asks it
    to delete them by our opaque id, outside of any transaction, and returns whether it has. It may be
    called again.
    """

    is_concerned: Callable[[UUID], bool]
    erase: Callable[[UUID], bool]


exporters: dict[str, Exporter] = {}
stoppers: dict[str, Stopper] = {}
correctors: dict[str, Corrector] = {}
connectors: dict[str, Connector] = {}


def register_exporter(name: str, fn: Exporter) -> None:
    """Have ``fn`` asked for its part of every export.

    Raises:
        ValueError: the name is taken.
    """
    _register(exporters, name, fn)


def register_stopper(name: str, fn: Stopper) -> None:
    """Have ``fn`` called when a person objects, opts out or restricts.

    Raises:
        ValueError: the name is taken.
    """
    _register(stoppers, name, fn)


def register_corrector(name: str, fn: Corrector) -> None:
    """Have ``fn`` called when a person corrects what is held about them.

    Raises:
        ValueError: the name is taken.
    """
    _register(correctors, name, fn)


def register_connector(name: str, connector: Connector) -> None:
    """Have a connector asked to erase; its name starts with ``connector.``.

    Raises:
        ValueError: the name is taken.
    """
    _register(connectors, name, connector)


def _register(into: dict[str, Any], name: str, entry: Any) -> None:
    if into.setdefault(name, entry) is not entry:
        raise ValueError(f"{name!r} is registered already")
