"""Retention: what is older than its class allows is deleted, and an audit row says how much.

Apps register what they delete in ``AppConfig.ready()``, before any model exists. Whole months of partitioned
tables are dropped by the owner's guarded function, which refuses what its own floor still protects. The
audit log is not simply dropped: its months are retired together with their seals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

# (delete what is older than this) → rows, or months of a partitioned table, that went.
Remover = Callable[[datetime], int]

# first day of a month → whether something sealed under that month's key is still there.
Holder = Callable[[date], bool]

_removers: dict[str, Remover] = {}
_least_days: dict[str, int] = {}
_holders: dict[str, Holder] = {}


def register_retention(data_class: str, fn: Remover, *, least_days: int = 1) -> None:
    """Have ``fn`` called once a day, in a transaction of its own, with the time before which data goes.

    Nothing younger than ``least_days`` goes, whatever the schedule says.

    Raises:
        ValueError: another remover has that class.
    """
    if _removers.setdefault(data_class, fn) is not fn:
        raise ValueError(f"{data_class!r} is registered already")
    _least_days[data_class] = least_days


def list_data_classes() -> list[str]:
    """Return the registered classes."""
    return sorted(_removers)


def get_least_days(data_class: str) -> int:
    """Return the fewest days for which a class has to be kept; 1 for one that nobody registered."""
    return _least_days.get(data_class, 1)


def remove_expired(data_class: str, *, keep_days: int, now: datetime) -> int:
    """Delete what of one class is older than ``keep_days``; return how much went."""
    return _removers[data_class](now - timedelta(days=keep_days))


def register_month_holder(table: str, fn: Holder) -> None:
    """Have ``fn`` asked before the key of a month is destroyed.

    Every table whose rows may be sealed without a person has one.

    Raises:
        ValueError: another holder has that table.
    """
    if _holders.setdefault(table, fn) is not fn:
        raise ValueError(f"{table!r} is registered already")


def list_month_holders() -> list[str]:
    """Return the tables that may need a month's key."""
    return sorted(_holders)


def is_month_held(month: date) -> bool:
    """Return whether any table still has a row that the key of a month opens."""
    return any(holds(month) for holds in _holders.values())


def holds_month(month: date, rows: Any, *columns: str) -> bool:
    """Return whether a sealed column of a query set's rows names a month as its key."""
    from django.db.models import BinaryField, F, Func, Q, Value  # see the module's docstring

    from compliance.keys import HEADER_BYTES, make_header

    condition = Q()
    for column in columns:
        name = f"{column}_header"
        arguments = (F(column), Value(1), Value(HEADER_BYTES))
        rows = rows.alias(**{name: Func(*arguments, function="substr", output_field=BinaryField())})
        condition |= Q(**{name: make_header(month)})
    return bool(rows.filter(condition).exists())


def drop_months(table: str, before: datetime) -> int:
    """Drop the partitions of a table that lie wholly before an instant; return how many went.

    A month that the table's own floor protects stays.
    """
    from compliance import partitions  # needs the database; see the module's docstring

    return partitions.drop_partitions(table=table, before=before.astimezone(UTC))
