"""The exact signals that a run saw, frozen into one hash. Pure.

Each signal's content is hashed, and the hashes are chained in replay order, so a signal that is
added, erased, retired, moved to another account or changed gives another digest.
"""

import hashlib
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


class ManifestDigest:
    """A SHA-256 chain over (id, content hash) of the signals added so far."""

    def __init__(self) -> None:
        """Start with no signal."""
        self.count = 0
        self._accounts: set[str] = set()
        self._chain = hashlib.sha256().digest()
        self._first: ReplayedSignal | None = None
        self._last: ReplayedSignal | None = None

    def add(self, signal: ReplayedSignal) -> None:
        """Append a signal to the chain."""
        self.count += 1
        self._accounts.add(signal.account_id)
        self._first = self._first or signal
        self._last = signal
        self._chain = hashlib.sha256(self._chain + signal.id.encode() + signal.content_hash()).digest()

    @property
    def hexdigest(self) -> str:
        """Return the head of the chain in hex."""
        return self._chain.hex()

    def describe(self) -> dict[str, Any]:
        """Return range, counts and chain head as JSON values."""
        return {
            "count": self.count,
            "accounts": len(self._accounts),
            "first": _describe_end(self._first),
            "last": _describe_end(self._last),
            "sha256_chain": self.hexdigest,
        }


def _describe_end(signal: ReplayedSignal | None) -> dict[str, str] | None:
    return {"id": signal.id, "at": signal.at.isoformat()} if signal else None
