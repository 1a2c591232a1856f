"""Retention: what is older than its class allows is deleted, and an audit row says how much.

Apps register what they delete in ``AppConfig.ready()``, before any model exists. Whole months of partitioned
tables are dropped by the owner's guarded function, which refuses what its own floor still protects. The
audit log is not simply dropped: its months are retired together with their seals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# (delete what is older than this) → rows, or months of a partitioned table, that went.
Remover = Callable[[datetime], int]

_removers: dict[str, Remover] = {}


def register_retention(data_class: str, fn: Remover) -> None:
    """Have ``fn`` called once a day, in a transaction of its own, with the time before which data goes.

    Raises:
        ValueError: another remover has that class.
    """
    if _removers.setdefault(data_class, fn) is not fn:
        raise ValueError(f"{data_class!r} is registered already")


def list_data_classes() -> list[str]:
    """Return the registered classes."""
    return sorted(_removers)


def remove_expired(data_class: str, *, keep_days: int, now: datetime) -> int:
    """Delete what of one class is older than ``keep_days``; return how much went."""
    return _removers[data_class](now - timedelta(days=keep_days))


def drop_months(table: str, before: datetime) -> int:
    """Drop the partitions of a table that lie wholly before an instant; return how many went.

    A month that the table's own floor protects stays.
    """
    from compliance import partitions  # needs the database; see the module's docstring

    return partitions.drop_partitions(table=table, before=before.astimezone(UTC))
