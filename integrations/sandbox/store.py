"""What the sandbox remembers: resources by idempotency key, and the faults it was told to show."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

FAULT_KINDS = ("status", "delay", "hang_up", "lost_answer", "malformed")


@dataclass
class Fault:
    """A fault that the next `times` matching requests meet.

    Kinds: `status` answers with `status`; `delay` waits `seconds` first; `hang_up` closes before
    anything is done; `lost_answer` does it and closes without an answer; `malformed` answers no JSON.
    """

    kind: str
    path: str = ""
    method: str = ""
    status: int = 503
    seconds: float = 0.0
    times: int = 1


@dataclass
class Store:
    """Thread-safe memory of one sandbox."""

    resources: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    by_key: dict[tuple[str, str], tuple[str, dict[str, Any]]] = field(default_factory=dict)
    created: int = 0
    faults: list[Fault] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def create(
        self, collection: str, kind: str, key: str, fingerprint: str, data: dict[str, Any]
    ) -> tuple[dict[str, Any] | None, bool]:
        """Create once for a key; (None, False) when the key was used for something else."""
        with self.lock:
            known = self.by_key.get((collection, key)) if key else None
            if known is not None:
                return (known[1], False) if known[0] == fingerprint else (None, False)
            rows = self.resources.setdefault(collection, [])
            self.created += 1
            row = {"type": kind, "id": str(self.created), **data}
            rows.append(row)
            if key:
                self.by_key[(collection, key)] = (fingerprint, row)
            return row, True

    def find(self, collection: str, wanted: dict[str, str]) -> list[dict[str, Any]]:
        """Return the resources that fit every filter: `[attribute]` or `[relationship][id]` to a value."""
        with self.lock:
            rows = self.resources.get(collection, [])
            return [row for row in rows if all(_fits(row, *pair) for pair in wanted.items())]

    def delete_prospect(self, number: str) -> bool:
        """Forget a prospect and what was sent to it; return whether there was one."""
        with self.lock:
            prospects = self.resources.get("prospects", [])
            if not any(row["id"] == number for row in prospects):
                return False
            self.resources["prospects"] = [row for row in prospects if row["id"] != number]
            for collection in ("mailings", "sequenceStates"):
                rows = self.resources.get(collection, [])
                self.resources[collection] = [row for row in rows if not _fits(row, "[prospect][id]", number)]
            left = {id(row) for rows in self.resources.values() for row in rows}
            self.by_key = {key: known for key, known in self.by_key.items() if id(known[1]) in left}
            return True

    def list(self, collection: str) -> list[dict[str, Any]]:
        """Return a collection in the order of creation."""
        with self.lock:
            return list(self.resources.get(collection, []))

    def count_call(self, name: str) -> None:
        """Count a request."""
        with self.lock:
            self.calls[name] += 1

    def add_fault(self, fault: Fault) -> None:
        """Plan a fault."""
        with self.lock:
            self.faults.append(fault)

    def take_fault(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request meets, if any."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.path in path and fault.method in ("", method):
                    fault.times -= 1
                    return fault
            return None

    def reset(self) -> None:
        """Forget everything."""
        with self.lock:
            self.resources.clear()
            self.by_key.clear()
            self.faults.clear()
            self.calls.clear()


def _fits(row: dict[str, Any], name: str, value: str) -> bool:
    """Tell whether `[attribute]` or `[relationship][id]` of a resource has a value."""
    first, _, second = name.strip("[]").partition("][")
    if not second:
        return str(row["attributes"].get(first)) == value
    related = (row["relationships"].get(first) or {}).get("data") or {}
    return str(related.get(second)) == value
