"""One hash over everything that contexts derive from signals: equal states, equal bytes."""

import hashlib
from typing import Any
from uuid import UUID

from django.db import connection

from compliance import subjects
from contexts.models import Account
from contexts.selectors.configs import get_active

CHUNK = 200

# Bookkeeping is left out: surrogate keys, versions, and the times at which something was recorded.
_TABLES = {
    "ledger": """
        SELECT account_id::text, signal_id::text, type, stage, subject_id::text, bucket, mass, strength,
               extract(epoch FROM occurred_at)::text, subject_id
        FROM contexts_ledgerentry WHERE decay_id = %(decay)s AND account_id = ANY(%(accounts)s::uuid[])
        ORDER BY contexts_ledgerentry.account_id, contexts_ledgerentry.signal_id""",
    "buckets": """
        SELECT account_id::text, type, stage, subject_id::text, bucket, mass,
               extract(epoch FROM latest_at)::text, subject_id
        FROM contexts_scorebucket WHERE decay_id = %(decay)s AND account_id = ANY(%(accounts)s::uuid[])
        ORDER BY contexts_scorebucket.account_id, type, stage, contexts_scorebucket.subject_id, bucket""",
    "scores": """
        SELECT account_id::text, intent_score, fit_score, priority, band, extract(epoch FROM hot_until)::text,
               NULL::uuid
        FROM account_contexts WHERE account_id = ANY(%(accounts)s::uuid[])
        ORDER BY account_contexts.account_id""",
}


def digest_contexts() -> dict[str, str]:
    """Return SHA-256, hex, of ledger, buckets and scores under the half-lives in use.

    What erased persons left in the ledger is skipped, as every reader skips it. Reads 200 accounts at a
    time; scores are as of when they were stored, so two digests compare only when that is the same time.
    """
    decay_id = get_active().decay_id
    hashes = {name: hashlib.sha256() for name in _TABLES}
    after: UUID | None = None
    while account_ids := _next_accounts(after):
        for name, query in _TABLES.items():
            for row in _rows(query, {"decay": decay_id, "accounts": account_ids}):
                hashes[name].update(repr(row).encode() + b"\n")
        after = account_ids[-1]
    return {name: value.hexdigest() for name, value in hashes.items()}


def _next_accounts(after: UUID | None) -> list[UUID]:
    rows = Account.objects.order_by("id")
    rows = rows.filter(id__gt=after) if after else rows
    return list(rows.values_list("id", flat=True)[:CHUNK])


def _rows(query: str, parameters: dict[str, Any]) -> list[tuple[object, ...]]:
    """Return rows without their last column, the person, and without those of erased persons."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows = cursor.fetchall()
    erased = subjects.list_erased({row[-1] for row in rows if row[-1]})
    return [row[:-1] for row in rows if row[-1] not in erased]
