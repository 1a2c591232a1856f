"""The hash that ties a stored signal to its audit row. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from signals.canonical import canonical_text, plain_number


@dataclass(frozen=True)
class StoredSignal:
    """The columns of a signal, as they are written; the last two are canonical texts of columns before."""

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
    account_json: str
    attributes_json: str


def row_digest(row: Any) -> str:
    """Return SHA-256, hex, of a stored row, as written or as read back; `sealed` counts as ciphertext.

    A hash of the plaintext could be guessed, so it must not outlive the key.
    """
    return digest_of(row, account=canonical_text(row.account), attributes=canonical_text(row.attributes))


def digest_of(row: Any, *, account: str, attributes: str) -> str:
    """Return what `row_digest` does, of a row whose JSON was printed already."""
    rest = canonical_text(
        {
            "conflicts_with": str(row.conflicts_with) if row.conflicts_with else None,
            "id": str(row.id),
            "occurred_at": row.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "received_at": row.received_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "request_id": row.request_id,
            "schema_version": row.schema_version,
            "sealed": bytes(row.sealed).hex(),
            "source": row.source,
            "strength": plain_number(row.strength),
            "subject_id": str(row.subject_id) if row.subject_id else None,
            "type": row.type,
        }
    )
    # One canonical object, its keys in order.
    whole = f'{{"account":{account},"attributes":{attributes},{rest[1:]}'
    return hashlib.sha256(whole.encode()).hexdigest()
