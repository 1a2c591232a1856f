"""Is there an audit row for every state that was reached? Asked of the database, row by row.

Each app says by a statement which of its states have no audit row. So an event that was never recorded is
seen as long as what it did is: code that forgets its row, or somebody who changes a state by hand.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

MOST_NAMED = 100
# What is reconciled → a statement that yields the ids, as text, of states without their row.
STATEMENTS: dict[str, str] = {}
_CONSENTS = """
SELECT r.id::text FROM consent_revisions r
WHERE r.recorded_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = r.subject_id::text AND a.name = 'consent.' || r.status
    AND a.txid = r.txid AND a.payload->>'revision_id' = r.id::text)
"""
_ERASURES = """
SELECT s.id::text FROM subjects s
WHERE s.erased_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = s.id::text AND a.name = 'subject.erased')
"""
_LIFTED = """
SELECT s.id::text FROM suppressions s
WHERE s.lifted_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = s.id::text AND a.name = 'suppression.lifted')
"""
_VERIFICATIONS = """
SELECT v.id::text FROM audit_verifications v, unnest(
    CASE WHEN v.finished_at IS NULL THEN '{requested}' ELSE '{requested,finished}' END::text[]) AS step
WHERE v.requested_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = v.id::text AND a.name = 'audit_verification.' || step)
"""
_RETIREMENTS = """
SELECT r.month::text FROM audit_retirements r
WHERE r.recorded_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a
    WHERE a.target_id = to_char(r.month, 'YYYY-MM') AND a.name = 'audit_month.retired')
"""
_ROTATIONS = """
SELECT k.key_id FROM audit_keys k
WHERE k.added_at >= %(since)s AND k.rotation <> '' AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = k.key_id AND a.name = 'audit_key.rotated')
"""
OWN = {
    "consent": _CONSENTS,
    "erasure": _ERASURES,
    "suppression": _LIFTED,
    "verification": _VERIFICATIONS,
    "retirement": _RETIREMENTS,
    "key rotation": _ROTATIONS,
}


def register_reconciliation(name: str, statement: str) -> None:
    """Have the states that ``statement`` yields reported; called in ``AppConfig.ready()``.

    The statement selects one text column and takes ``%(since)s``, before which nothing is asked.

    Raises:
        ValueError: another statement has that name.
    """
    if STATEMENTS.setdefault(name, statement) != statement:
        raise ValueError(f"{name!r} is reconciled already")


def find_unrecorded(*, since: datetime, names: set[str] | None = None) -> dict[str, list[str]]:
    """Return by name the ids of states reached since then that have no audit row, a hundred each at most."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for name, statement in sorted(STATEMENTS.items()):
            if names is None or name in names:
                cursor.execute(f"{statement} LIMIT {MOST_NAMED}", {"since": since})
                if ids := [row[0] for row in cursor.fetchall()]:
                    found[name] = ids
    return found
