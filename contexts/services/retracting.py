"""Take signals back: they count no longer, and nothing else changes."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from compliance import audit
from contexts.families import find_roots
from contexts.models import LedgerEntry, Retraction
from contexts.services.configs import hold_active
from contexts.services.rescoring import lock_contexts, rescore
from signals.selectors import list_rows

_SAME_BUCKET = """
b.account_id = x.account_id AND b.decay_id = x.decay_id AND b.type = x.type AND b.stage = x.stage
AND b.subject_id IS NOT DISTINCT FROM x.subject_id AND b.bucket = x.bucket
"""
# Mass is subtracted to the unit; under all half-lives, for a promotion may go back to older ones.
_SUBTRACT = f"""
WITH x AS (
    SELECT account_id, decay_id, type, stage, subject_id, bucket, sum(mass)::bigint AS mass
    FROM contexts_ledgerentry WHERE signal_id = ANY(%(signals)s::uuid[])
    GROUP BY 1, 2, 3, 4, 5, 6
), emptied AS (
    DELETE FROM contexts_scorebucket b USING x WHERE {_SAME_BUCKET} AND b.mass = x.mass
)
UPDATE contexts_scorebucket b SET mass = b.mass - x.mass, latest_at = (
    SELECT max(l.occurred_at) FROM contexts_ledgerentry l
    WHERE l.account_id = x.account_id AND l.decay_id = x.decay_id AND l.type = x.type AND l.stage = x.stage
      AND l.subject_id IS NOT DISTINCT FROM x.subject_id AND l.bucket = x.bucket
      AND NOT EXISTS (SELECT FROM contexts_retraction r WHERE r.signal_id = l.signal_id))
FROM x WHERE {_SAME_BUCKET} AND b.mass > x.mass
"""


class UnknownSignal(Exception):
    """Neither the store nor the ledger knows a signal of this id."""


@transaction.atomic
def retract_signals(*, signal_ids: Collection[UUID], reason: str, actor: str, now: datetime) -> int:
    """Let signals count no longer, for good, and score their accounts; return how many were new to this.

    Evidence and score are then what they would be had the signals never come; a second delivery, a replay
    and other half-lives don't bring them back. The signals themselves stay, as does what was known before
    `now`. `reason` is one of `Retraction.Reason`. Workers are kept out meanwhile.

    Raises: ValueError on another reason; UnknownSignal, for a retraction of nothing would stand for good.
    """
    reason = Retraction.Reason(reason).value
    configs = hold_active()
    known = set(Retraction.objects.filter(pk__in=signal_ids).values_list("pk", flat=True))
    fresh = sorted(set(signal_ids) - known)
    if not fresh:
        return 0
    if unknown := find_unknown(fresh):
        raise UnknownSignal(", ".join(map(str, unknown)))
    entries = LedgerEntry.every.filter(signal_id__in=fresh).values_list("account_id", flat=True)
    accounts = set(entries)
    roots = find_roots(accounts)
    scored = {roots.get(account_id, account_id) for account_id in accounts}
    lock_contexts(scored)
    Retraction.objects.bulk_create(
        Retraction(signal_id=signal_id, reason=reason, actor=actor, retracted_at=now) for signal_id in fresh
    )
    with connection.cursor() as cursor:
        cursor.execute(_SUBTRACT, {"signals": fresh})
    audit.record([_audit_entry(signal_id, reason, actor, now) for signal_id in fresh])
    rescore(account_ids=scored, configs=configs, now=now, changed=scored)
    return len(fresh)


def find_unknown(signal_ids: Collection[UUID]) -> list[UUID]:
    """Return those ids that no signal has; one that retention has removed is known by its ledger entry."""
    counted = LedgerEntry.every.filter(signal_id__in=signal_ids).values_list("signal_id", flat=True)
    rest = set(signal_ids) - set(counted)
    return sorted(rest - set(list_rows(signal_ids=sorted(rest)).values_list("id", flat=True)))


def _audit_entry(signal_id: UUID, reason: str, actor: str, now: datetime) -> audit.AuditEntry:
    return audit.AuditEntry(
        name="evidence.retracted",
        actor=actor,
        target_type="signal",
        target_id=str(signal_id),
        at=now,
        payload={"reason": reason},
    )
