"""Scores over time: evidence summed by the step in which it arrived, so that cost grows with the steps."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from contexts.contracts import ActiveConfigs
from contexts.evidence import read_bounds, without_erased
from contexts.families import find_persons, find_root
from contexts.scoring import Bucket, ScoreState, score, to_micros
from contexts.selectors.configs import get_active

History = list[tuple[datetime, float]]

# Accounts that are merged count for their survivor; the step is the first instant that knows of the evidence.
_STEPS = """
SELECT coalesce(a.merged_into_id, a.id), l.subject_id, l.type, l.stage, l.bucket, sum(l.mass)::bigint,
       max(l.occurred_at),
       greatest(0, least(%(points)s - 1, ceil(
           extract(epoch FROM l.occurred_at - %(since)s::timestamptz) / %(step)s)))::int AS step
FROM contexts_account a
JOIN contexts_ledgerentry l ON l.account_id = a.id AND l.decay_id = %(decay)s
LEFT JOIN unnest(%(types)s::text[], %(oldest)s::bigint[]) AS o(type, bucket) ON o.type = l.type
WHERE a.id = ANY(%(accounts)s::uuid[] || ARRAY(
        SELECT m.id FROM contexts_account m WHERE m.merged_into_id = ANY(%(accounts)s::uuid[])))
  AND l.occurred_at <= %(until)s AND l.bucket >= coalesce(o.bucket, %(other)s)
  AND NOT EXISTS (SELECT FROM contexts_retraction r WHERE r.signal_id = l.signal_id)
GROUP BY 1, 2, 3, 4, 5, 8
ORDER BY step
"""


def get_history(*, account_id: UUID, since: datetime, until: datetime, points: int = 60) -> History:
    """Return the intent at evenly spaced instants, by the evidence that had occurred by each."""
    root = find_root(account_id)
    histories = list_histories(account_ids=[root], since=since, until=until, points=points)
    return histories.get(root) or [(at, 0.0) for at in _instants(since, until, points)]


def list_histories(
    *, account_ids: Collection[UUID], since: datetime, until: datetime, points: int
) -> dict[UUID, History]:
    """Return the history of each account that has evidence by `until`, from one query."""
    configs = get_active()
    # Evidence that is spent before the first instant counts in none.
    parameters = read_bounds(configs, since) | {
        "accounts": list(account_ids),
        "since": since,
        "until": until,
        "points": points,
        "step": (until - since).total_seconds() / max(points - 1, 1),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, parameters)
        rows = without_erased(cursor.fetchall(), lambda row: row[1])
    persons = find_persons(row[1] for row in rows)
    evidence: dict[UUID, list[tuple[int, Bucket]]] = defaultdict(list)
    for account_id, subject_id, kind, stage, number, mass, latest, step in rows:
        person = str(persons.get(subject_id, subject_id)) if subject_id else ""
        evidence[account_id].append((step, Bucket(kind, stage, person, number, mass, to_micros(latest))))
    instants = _instants(since, until, points)
    return {account_id: _trace(entries, instants, configs) for account_id, entries in evidence.items()}


def _instants(since: datetime, until: datetime, points: int) -> list[datetime]:
    step: timedelta = (until - since) / max(points - 1, 1)
    return [since + step * number for number in range(points)]


def _trace(entries: list[tuple[int, Bucket]], instants: list[datetime], configs: ActiveConfigs) -> History:
    state, position, line = ScoreState(), 0, []
    for number, at in enumerate(instants):
        while position < len(entries) and entries[position][0] <= number:
            state.add(entries[position][1])
            position += 1
        line.append((at, score(state.buckets(), decay=configs.decay, weight=configs.weight, at=at).intent))
    return line
