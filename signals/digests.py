"""The hash that ties a stored signal to its audit row. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from signals.normalization import canonical_json


@dataclass(frozen=True)
class StoredSignal:
    """The columns of a signal, as they are written."""

    id: UUID
    received_at: datetime
    occurred_at: datetime
    source: str
    type: str
    account: dict[str, str]
    subject_id: UUID | None
    strength: float
    attributes: dict[str, Any]
    sealed: bytes
    schema_version: int
    request_id: str
    conflicts_with: UUID | None


def row_digest(row: Any) -> str:
    """Return SHA-256, hex, of a stored row, as written or as read back; `sealed` counts as ciphertext.

    A hash of the plaintext could be guessed, so it must not outlive the key.
    """
    columns = {
        "id": str(row.id),
        "received_at": row.received_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "occurred_at": row.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "source": row.source,
        "type": row.type,
        "account": row.account,
        "subject_id": str(row.subject_id) if row.subject_id else None,
        "strength": row.strength,
        "attributes": row.attributes,
        "sealed": bytes(row.sealed).hex(),
        "schema_version": row.schema_version,
        "request_id": row.request_id,
        "conflicts_with": str(row.conflicts_with) if row.conflicts_with else None,
    }
    return hashlib.sha256(canonical_json(columns)).hexdigest()
