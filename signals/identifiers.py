"""Signal ids: UUIDs of version 7, whose time part leads straight to the month's partition."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def new_signal_id(*, received_at: datetime) -> UUID:
    """Return an id that carries the receipt time in milliseconds.

    Source: RFC 9562, section 5.7.
    """
    milliseconds = (received_at - _EPOCH) // _MILLISECOND
    random = secrets.randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
    return UUID(int=value)


def received_between(signal_ids: list[UUID]) -> tuple[datetime, datetime]:
    """Return the receipt times that these ids allow: from (included) and until (excluded)."""
    stamps = [signal_id.int >> 80 for signal_id in signal_ids]
    # 2**48 ms reach past year 9999; a made-up id must find nothing, not raise.
    first, last = (min(stamp, 253_370_764_800_000) for stamp in (min(stamps), max(stamps)))
    return _EPOCH + first * _MILLISECOND, _EPOCH + (last + 1) * _MILLISECOND
