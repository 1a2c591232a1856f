"""Paging through rows that are ordered newest first, without counting or skipping any."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

RowT = TypeVar("RowT", bound=Model)
PAGE_SIZE = 50


@dataclass(frozen=True)
class Page(Generic[RowT]):
    """One page of rows and the cursor of the next, empty at the end."""

    rows: Sequence[RowT]
    next_cursor: str


def read_page(rows: QuerySet[RowT], *, time_field: str, cursor: str, size: int = PAGE_SIZE) -> Page[RowT]:
    """Return the page after `cursor` of rows ordered by (−time_field, −id).

    A malformed cursor shows the first page: it comes from an address that somebody may have cut.
    """
    if after := _parse(cursor):
        at, row_id = after
        # The bare bound on the time lets PostgreSQL start in the middle of the index.
        rows = rows.filter(
            Q(**{f"{time_field}__lt": at}) | Q(**{time_field: at, "id__lt": row_id}),
            **{f"{time_field}__lte": at},
        )
    found = list(rows[: size + 1])
    more = len(found) > size
    return Page(found[:size], _print(found[size - 1], time_field) if more else "")


def _print(row: Any, time_field: str) -> str:
    return f"{getattr(row, time_field).isoformat()}~{row.id}"


def _parse(cursor: str) -> tuple[datetime, UUID] | None:
    at, _, row_id = cursor.partition("~")
    try:
        moment, parsed = datetime.fromisoformat(at), UUID(row_id)
    except ValueError:
        return None
    return (moment, parsed) if moment.tzinfo else None
