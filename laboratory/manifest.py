"""The exact signals that a run saw, and what was said of them later, frozen into one hash. Pure.

The content of each is hashed, and the hashes are chained in replay order, so a signal that is added,
erased, retired, moved to another account or changed gives another digest, and so does a merge or a
retraction.
"""

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from laboratory.report import canonical_json


class ReplayedSignal(NamedTuple):
    """One signal as a replay sees it; `at` is when production could first have known it."""

    id: str
    account_id: str
    type: str
    stage: str
    person: str
    occurred_at: datetime
    at: datetime
    strength: float

    def content_hash(self) -> bytes:
        """Return the SHA-256 of everything that the replay uses of the signal."""
        values = [*self[:5], self.occurred_at.isoformat(), self.at.isoformat(), self.strength]
        return hashlib.sha256(canonical_json(values)).digest()


class ReplayedChange(NamedTuple):
    """A retraction, merge or undone merge, at the time from which production knew of it.

    `kind` is retracted, or accounts or persons with _joined or _parted. `subject` is the signal taken back
    or the one who is merged, `target` the signal's account or the survivor.
    """

    id: str
    kind: str
    subject: str
    target: str
    at: datetime

    @property
    def is_parting(self) -> bool:
        """Tell whether a merge was undone."""
        return self.kind.endswith("_parted")

    def content_hash(self) -> bytes:
        """Return the SHA-256 of everything that the replay uses of the change."""
        return hashlib.sha256(canonical_json([*self[:4], self.at.isoformat()])).digest()


Event = ReplayedSignal | ReplayedChange
_RANKS = {kind: rank for rank, kind in enumerate(("retracted", "accounts_joined", "persons_joined"), start=1)}


def order_of(event: Event) -> tuple[datetime, int, str]:
    """Return the key by which a replay is sorted: at one time signals, retractions, merges, undone ones."""
    rank = 0 if isinstance(event, ReplayedSignal) else _RANKS.get(event.kind, len(_RANKS) + 1)
    return event.at, rank, event.id


def interleave(signals: Iterable[ReplayedSignal], changes: Iterable[ReplayedChange]) -> Iterator[Event]:
    """Yield signals and changes, each given in the order of `order_of`, as one stream in that order."""
    streams: list[Iterable[Event]] = [signals, changes]
    return heapq.merge(*streams, key=order_of)


class ManifestDigest:
    """A SHA-256 chain over (id, content hash) of the signals and changes added so far."""

    def __init__(self) -> None:
        """Start with no signal."""
        self.count = 0
        self.changes = 0
        self._accounts: set[str] = set()
        self._chain = hashlib.sha256().digest()
        self._first: ReplayedSignal | None = None
        self._last: ReplayedSignal | None = None

    def add(self, event: Event) -> None:
        """Append a signal or a change to the chain."""
        self._chain = hashlib.sha256(self._chain + event.id.encode() + event.content_hash()).digest()
        if isinstance(event, ReplayedChange):
            self.changes += 1
            return
        self.count += 1
        self._accounts.add(event.account_id)
        self._first = self._first or event
        self._last = event

    @property
    def hexdigest(self) -> str:
        """Return the head of the chain in hex."""
        return self._chain.hex()

    def describe(self) -> dict[str, Any]:
        """Return range, counts and chain head as JSON values."""
        return {
            "count": self.count,
            "accounts": len(self._accounts),
            "changes": self.changes,
            "first": _describe_end(self._first),
            "last": _describe_end(self._last),
            "sha256_chain": self.hexdigest,
        }


def _describe_end(signal: ReplayedSignal | None) -> dict[str, str] | None:
    return {"id": signal.id, "at": signal.at.isoformat()} if signal else None
