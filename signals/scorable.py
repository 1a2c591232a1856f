"""What scoring reads of signals; by hand, for every chunk of work asks, and for thousands of rows."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from revctx.arrays import to_array
from revctx.statements import fetch_prepared
from signals.contracts import ScorableSignal
from signals.identifiers import received_between

# Times as microseconds, which cost a fraction of a time's text. Bounded by time, so that only the months that
# hold them are looked into.
_STATEMENT = """
SELECT id, type, subject_id, (extract(epoch FROM occurred_at) * 1000000)::bigint,
       (extract(epoch FROM received_at) * 1000000)::bigint, strength, account::text, source, attributes::text
FROM signals
WHERE id = ANY(%s::uuid[]) AND received_at >= %s AND received_at < %s AND conflicts_with IS NULL
  AND type IN (SELECT name FROM signal_types)
ORDER BY received_at, id
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_scorable(signal_ids: Sequence[UUID]) -> list[ScorableSignal]:
    """Return what `selectors.list_scorable` does."""
    if not signal_ids:
        return []
    rows = fetch_prepared(_STATEMENT, [to_array(signal_ids), *received_between(list(signal_ids))])
    read, at = _Memory(json.loads), _Memory(_from_micros)
    return [
        ScorableSignal(
            signal_id,
            kind,
            subject_id,
            at[occurred],
            at[received],
            strength,
            read[account],
            source,
            read[rest],
        )
        for signal_id, kind, subject_id, occurred, received, strength, account, source, rest in rows
    ]


def _from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


class _Memory(dict[Any, Any]):
    """Answers of a function, for signals of a chunk have much in common."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> Any:
        self[key] = value = self._make(key)
        return value
