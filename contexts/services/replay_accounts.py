"""Second half of a replay: buckets, bands and scores of accounts, made anew from the ledger."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from compliance import subjects
from contexts.contracts import ActiveConfigs
from contexts.families import find_roots
from contexts.models import AccountContext, Crossing, LedgerEntry
from contexts.services.configs import share_active
from contexts.services.rescoring import lock_contexts, rescore

_WANTED = """
    SELECT account_id, type, stage, subject_id, bucket, sum(mass)::bigint AS mass,
           max(occurred_at) AS latest_at
    FROM contexts_ledgerentry l
    WHERE decay_id = %(decay)s AND account_id = ANY(%(accounts)s::uuid[])
      AND (subject_id IS NULL OR subject_id <> ALL(%(erased)s::uuid[]))
      AND NOT EXISTS (SELECT FROM contexts_retraction r WHERE r.signal_id = l.signal_id)
    GROUP BY 1, 2, 3, 4, 5
"""
_REMOVE = f"""
DELETE FROM contexts_scorebucket b
WHERE b.decay_id = %(decay)s AND b.account_id = ANY(%(accounts)s::uuid[])
  AND NOT EXISTS (
    SELECT FROM ({_WANTED}) w
    WHERE w.account_id = b.account_id AND w.type = b.type AND w.stage = b.stage AND w.bucket = b.bucket
      AND w.subject_id IS NOT DISTINCT FROM b.subject_id)
RETURNING account_id
"""
_WRITE = f"""
INSERT INTO contexts_scorebucket AS b (account_id, decay_id, type, stage, subject_id, bucket, mass, latest_at)
SELECT w.account_id, %(decay)s, w.type, w.stage, w.subject_id, w.bucket, w.mass, w.latest_at
FROM ({_WANTED}) w
ORDER BY w.account_id, w.type, w.stage, w.subject_id, w.bucket
ON CONFLICT (account_id, decay_id, type, stage, subject_id, bucket)
DO UPDATE SET mass = excluded.mass, latest_at = excluded.latest_at
WHERE (b.mass, b.latest_at) IS DISTINCT FROM (excluded.mass, excluded.latest_at)
RETURNING account_id
"""


def rebuild_accounts(*, account_ids: Sequence[UUID], now: datetime) -> int:
    """Make buckets, bands and scores of accounts anew, in the caller's transaction.

    The accounts are locked as workers lock them, so nothing counts beside it. What was right stays as it is
    and is only scored anew. Evidence of a merged account is mended where it lies and scored where it counts.
    Returns how many accounts were mended.
    """
    configs = share_active()
    roots = find_roots(account_ids)
    scored = sorted({roots.get(account_id, account_id) for account_id in account_ids})
    created = _restore_rows(scored, configs, now)
    lock_contexts(scored)
    filled = {roots.get(account_id, account_id) for account_id in _restore_buckets(account_ids, configs)}
    mended = created | filled | _restore_bands(scored)
    rescore(account_ids=scored, configs=configs, now=now, changed=mended)
    return len(mended)


def _restore_rows(account_ids: Collection[UUID], configs: ActiveConfigs, now: datetime) -> set[UUID]:
    """Create score rows that are missing.

    Their version starts at the clock's seconds, above what any account can have reached before: consumers
    ignore lower ones.
    """
    known = AccountContext.objects.filter(account_id__in=account_ids).values_list("account_id", flat=True)
    missing = sorted(set(account_ids) - set(known))
    AccountContext.objects.bulk_create(
        (
            AccountContext(
                account_id=account_id,
                version=int(now.timestamp()),
                scored_at=now,
                activation_id=configs.activation_id,
            )
            for account_id in missing
        ),
        ignore_conflicts=True,
    )
    return set(missing)


def _restore_buckets(account_ids: Sequence[UUID], configs: ActiveConfigs) -> set[UUID]:
    """Bring buckets to the sums of the ledger without erased persons; return the accounts that changed."""
    ledger = LedgerEntry.objects.filter(
        decay_id=configs.decay_id, account_id__in=account_ids, subject_id__isnull=False
    )
    persons = {person for person in ledger.values_list("subject_id", flat=True).distinct() if person}
    parameters: dict[str, Any] = {
        "decay": configs.decay_id,
        "accounts": list(account_ids),
        "erased": list(subjects.list_erased(persons)),
    }
    changed: set[UUID] = set()
    with connection.cursor() as cursor:
        for statement in (_REMOVE, _WRITE):
            cursor.execute(statement, parameters)
            changed.update(account_id for (account_id,) in cursor.fetchall())
    return changed


def _restore_bands(account_ids: Collection[UUID]) -> set[UUID]:
    """Bring bands to what the last crossings say, so that an old one is not passed a second time."""
    crossings = Crossing.objects.filter(account_id__in=account_ids).order_by("account_id", "-version")
    newest = crossings.distinct("account_id").values_list("account_id", "direction", "crossed_at")
    last = {account_id: direction for account_id, direction, _ in newest}
    _restore_times({account_id: at for account_id, _, at in newest})
    rows = AccountContext.objects.filter(account_id__in=account_ids)
    wrong = {
        account_id: "hot" if last.get(account_id) == "up" else "warm"
        for account_id, band in rows.values_list("account_id", "band")
        if (band == "hot") != (last.get(account_id) == "up")
    }
    for band in ("hot", "warm"):
        chosen = [account_id for account_id, right in wrong.items() if right == band]
        AccountContext.objects.filter(account_id__in=chosen).update(band=band)
    return set(wrong)


def _restore_times(last: Mapping[UUID, datetime]) -> None:
    rows = AccountContext.objects.filter(account_id__in=last)
    late = [row for row in rows if row.crossed_at != last[row.account_id]]
    for row in late:
        row.crossed_at = last[row.account_id]
    AccountContext.objects.bulk_update(late, ["crossed_at"])
