"""Signal ids: UUIDs of version 7, whose time part leads straight to the month's partition."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from revctx.randomness import draw_bytes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# The 74 random bits: 12 behind the version, 62 behind the variant.
_LOW = (1 << 62) - 1
_HIGH = 0xFFF << 62


def new_signal_id(*, received_at: datetime) -> UUID:
    """Return an id that carries the receipt time in milliseconds."""
    return next(new_signal_ids(received_at=received_at, count=1))


def new_signal_ids(*, received_at: datetime, count: int) -> Iterator[UUID]:
    """Return ids that carry the receipt time in milliseconds, rising, so that indexes grow at one place.

    Source: RFC 9562, section 5.7.
    """
    milliseconds = (received_at - _EPOCH) // _MILLISECOND
    fixed = milliseconds << 80 | 0x7 << 76 | 0b10 << 62
    random = map(int.from_bytes, draw_bytes(length=10, count=count))
    values = sorted([fixed | (bits & _HIGH) << 2 | bits & _LOW for bits in random])
    return (UUID(int=value) for value in values)


def received_between(signal_ids: list[UUID]) -> tuple[datetime, datetime]:
    """Return the receipt times that these ids allow: from (included) and until (excluded)."""
    stamps = [signal_id.int >> 80 for signal_id in signal_ids]
    # 2**48 ms reach past year 9999; a made-up id must find nothing, not raise.
    first, last = (min(stamp, 253_370_764_800_000) for stamp in (min(stamps), max(stamps)))
    return _EPOCH + first * _MILLISECOND, _EPOCH + (last + 1) * _MILLISECOND
