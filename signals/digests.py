"""The hash that ties a stored signal to its audit row. Pure."""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from revctx.json_text import quote
from signals.canonical import canonical_text, plain_number


class StoredSignal(NamedTuple):
    """The columns of a signal, as they are written; the last three are texts of columns before."""

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
    id_text: str


def row_digest(row: Any) -> str:
    """Return SHA-256, hex, of a stored row, as written or as read back; `sealed` counts as ciphertext.

    A hash of the plaintext could be guessed, so it must not outlive the key.
    """
    return digest_of(
        row,
        id_text=str(row.id),
        account=canonical_text(row.account),
        attributes=canonical_text(row.attributes),
    )


def digest_of(row: Any, *, id_text: str, account: str, attributes: str) -> str:
    """Return what `row_digest` does, of a row whose id and JSON were printed already."""
    # One canonical object, its keys in order; written by hand, for it is written for every signal.
    whole = (
        f'{{"account":{account},"attributes":{attributes},"conflicts_with":{_id(row.conflicts_with)},'
        f'"id":"{id_text}","occurred_at":{_time(row.occurred_at)},"received_at":{_shared_time(row.received_at)},'
        f'"request_id":{quote(row.request_id)},"schema_version":{row.schema_version},'
        f'"sealed":"{row.sealed.hex()}","source":{quote(row.source)},'
        f'"strength":{plain_number(row.strength)},"subject_id":{_id(row.subject_id)},"type":{quote(row.type)}}}'
    )
    return hashlib.sha256(whole.encode()).hexdigest()


def _id(value: UUID | None) -> str:
    return f'"{value}"' if value else "null"


def _time(value: datetime) -> str:
    return f'"{value.astimezone(UTC).isoformat(timespec="microseconds")}"'


# One commit's rows have one time of receipt.
_shared_time = lru_cache(maxsize=16)(_time)
