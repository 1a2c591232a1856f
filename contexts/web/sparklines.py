"""Scores over time of a page of accounts, from one query."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from contexts.contracts import ActiveConfigs
from contexts.evidence import without_erased
from contexts.families import find_persons, list_merged
from contexts.models import LedgerEntry
from contexts.scoring import Bucket, ScoreState, score, to_micros
from contexts.selectors import get_active
from revctx.web.charts import Point

DAYS_SHOWN = 30
POINTS = 16


def list_histories(*, account_ids: Collection[UUID], until: datetime) -> dict[UUID, list[Point]]:
    """Return each account's intent over the last 30 days, by the evidence that had occurred by then."""
    configs = get_active()
    merged = list_merged(account_ids)
    names = ("account_id", "subject_id", "type", "stage", "bucket", "mass", "occurred_at")
    ledger = LedgerEntry.objects.filter(
        account_id__in=[*account_ids, *merged], decay_id=configs.decay_id, occurred_at__lte=until
    )
    evidence: dict[UUID, list[tuple[datetime, Bucket]]] = defaultdict(list)
    rows = without_erased(ledger.order_by("occurred_at").values_list(*names), lambda row: row[1])
    persons = find_persons(row[1] for row in rows)
    for account_id, subject_id, kind, stage, number, mass, at in rows:
        person = persons.get(subject_id, subject_id) if subject_id else ""
        bucket = Bucket(kind, stage, str(person), number, mass, to_micros(at))
        evidence[merged.get(account_id, account_id)].append((at, bucket))
    times = [until - timedelta(days=DAYS_SHOWN) * (1 - step / (POINTS - 1)) for step in range(POINTS)]
    return {account_id: _trace(entries, times, configs) for account_id, entries in evidence.items()}


def _trace(
    entries: list[tuple[datetime, Bucket]], times: list[datetime], configs: ActiveConfigs
) -> list[Point]:
    state, position, line = ScoreState(), 0, []
    for at in times:
        while position < len(entries) and entries[position][0] <= at:
            state.add(entries[position][1])
            position += 1
        result = score(state.buckets(), decay=configs.decay, weight=configs.weight, at=at)
        line.append((at, result.intent))
    return line
