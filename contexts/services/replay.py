"""Carry the ledger over to other half-lives: each signal once, whatever runs beside."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from contexts.evidence import without_erased
from contexts.models import DecayConfig
from contexts.scoring import place
from contexts.selectors.configs import decay_data
from contexts.services.ledger import LedgerRow, add_to_ledger

CHUNK = 2_000

_MISSING = """
SELECT old.id, old.signal_id, old.account_id, old.type, old.stage, old.subject_id,
       old.occurred_at, old.strength, old.recorded_at
FROM contexts_ledgerentry old
WHERE old.decay_id = %(source)s AND old.id > %(after)s
  AND NOT EXISTS (
    SELECT FROM contexts_ledgerentry new
    WHERE new.signal_id = old.signal_id AND new.decay_id = %(target)s)
ORDER BY old.id LIMIT %(limit)s
"""
_COUNT_MISSING = f"SELECT count(*) FROM ({_MISSING}) missing"


class _Entry(NamedTuple):
    id: int
    signal_id: UUID
    account_id: UUID
    type: str
    stage: str
    subject_id: UUID | None
    occurred_at: datetime
    strength: float
    recorded_at: datetime


def replay_chunk(*, from_decay_id: int, target: DecayConfig, after: int) -> tuple[int | None, int]:
    """Copy the next entries behind ledger id `after` that `target` lacks; runs in the caller's transaction.

    Returns: the last ledger id looked at (None when nothing was left), and how many entries that were.
    Erased persons are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _MISSING, {"source": from_decay_id, "target": target.pk, "after": after, "limit": CHUNK}
        )
        entries = [_Entry(*row) for row in cursor.fetchall()]
    if not entries:
        return None, 0
    kept = without_erased(entries, lambda entry: entry.subject_id)
    add_to_ledger(rows=[_row(entry, target) for entry in kept], decay_id=target.pk)
    return entries[-1].id, len(entries)


def count_missing(*, from_decay_id: int, target: DecayConfig, after: int, limit: int) -> int:
    """Return how many entries behind ledger id `after` the target lacks; `limit` at most."""
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT_MISSING, {"source": from_decay_id, "target": target.pk, "after": after, "limit": limit}
        )
        return int(cursor.fetchone()[0])


def _row(entry: _Entry, target: DecayConfig) -> LedgerRow:
    fields: dict[str, Any] = {
        "signal_type": entry.type,
        "stage": entry.stage,
        "occurred_at": entry.occurred_at,
        "strength": entry.strength,
    }
    bucket = place(**fields, person=str(entry.subject_id or ""), decay=decay_data(target))
    return LedgerRow(
        signal_id=entry.signal_id,
        account_id=entry.account_id,
        subject_id=entry.subject_id,
        occurred_at=entry.occurred_at,
        strength=entry.strength,
        recorded_at=entry.recorded_at,
        bucket=bucket,
    )
