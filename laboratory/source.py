"""Read the signals of an experiment through the redacting views of schema `lab`.

A signal counts from when it was received. One that was received much later than it occurred is
history that somebody loaded afterwards; it counts from when it occurred, else an import of last
year's deals would all happen at the second of the import.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import connections, router

from laboratory.manifest import ManifestDigest, ReplayedChange, ReplayedSignal, interleave, order_of
from laboratory.models import Experiment
from laboratory.ranking import PastSignal

ROWS_A_FETCH = 2_000
_KNOWN = """
FROM lab.ledger_view l JOIN lab.signal_view s ON s.id = l.signal_id
WHERE l.decay_version = %(decay_version)s AND l.recorded_at <= %(known_at)s
"""
_SIGNALS = f"""
SELECT l.signal_id::text, l.account_id::text, l.type, l.stage, coalesce(l.subject_id::text, ''),
    l.occurred_at,
    CASE WHEN s.received_at - l.occurred_at > %(backfill_after)s THEN l.occurred_at
        ELSE s.received_at END AS at,
    l.strength
{_KNOWN}
ORDER BY at, l.signal_id
"""
# Each at the time of its record; what was recorded after `known_at` has not happened yet.
_CHANGES = """
SELECT r.signal_id::text, 'retracted', r.signal_id::text, l.account_id::text, r.retracted_at
FROM lab.retraction_view r JOIN lab.ledger_view l ON l.signal_id = r.signal_id
WHERE l.decay_version = %(decay_version)s AND l.recorded_at <= %(known_at)s
    AND r.retracted_at <= %(known_at)s
UNION ALL
SELECT m.id::text, m.kind || '_joined', m.merged_id::text, m.survivor_id::text, m.merged_at
FROM lab.merge_view m WHERE m.merged_at <= %(known_at)s
UNION ALL
SELECT m.id::text, m.kind || '_parted', m.merged_id::text, m.survivor_id::text, m.undone_at
FROM lab.merge_view m WHERE m.undone_at <= %(known_at)s
"""
_COUNT = f"SELECT count(*) {_KNOWN}"
_HISTORIES = """
SELECT l.account_id::text, l.type, l.stage, coalesce(l.subject_id::text, ''), l.occurred_at, l.strength,
    CASE WHEN jsonb_typeof(s.attributes -> %(value)s) = 'number'
        THEN (s.attributes ->> %(value)s)::float8 ELSE 0 END
FROM lab.ledger_view l JOIN lab.signal_view s ON s.id = l.signal_id
WHERE l.decay_version = %(decay_version)s AND (%(source)s = '' OR s.source = %(source)s)
ORDER BY l.account_id, l.occurred_at, l.signal_id
"""


def stream_signals(experiment: Experiment) -> Iterator[ReplayedSignal]:
    """Yield the experiment's signals in the order in which they became known.

    Outside a transaction the cursor outlives its statement without holding a snapshot.
    """
    with connections[_alias()].chunked_cursor() as cursor:
        cursor.execute(_SIGNALS, _parameters(experiment))
        while rows := cursor.fetchmany(ROWS_A_FETCH):
            for row in rows:
                yield ReplayedSignal(*row)


def list_changes(experiment: Experiment) -> list[ReplayedChange]:
    """Return the retractions, merges and undone merges that the experiment knows of, in replay order."""
    with connections[_alias()].cursor() as cursor:
        cursor.execute(_CHANGES, _parameters(experiment))
        return sorted((ReplayedChange(*row) for row in cursor.fetchall()), key=order_of)


def count_signals(experiment: Experiment) -> int:
    """Count the signals that a replay of the experiment will read."""
    with connections[_alias()].cursor() as cursor:
        cursor.execute(_COUNT, _parameters(experiment))
        return int(cursor.fetchone()[0])


def read_histories(*, decay_version: int, source: str, value: str) -> dict[str, list[PastSignal]]:
    """Return what is known today of every account's past, the oldest first, as the laboratory's role.

    `source` limits it to the signals of one source ("" for all); `value` names the attribute that holds
    what a closed deal was worth.
    """
    parameters: dict[str, Any] = {"decay_version": decay_version, "source": source, "value": value}
    histories: dict[str, list[PastSignal]] = {}
    with connections["lab"].cursor() as cursor:
        cursor.execute(_HISTORIES, parameters)
        while rows := cursor.fetchmany(ROWS_A_FETCH):
            for account_id, *signal in rows:
                histories.setdefault(account_id, []).append(PastSignal(*signal))
    return histories


def digest_signals(experiment: Experiment) -> str:
    """Return the digest that the experiment's signals and their changes give at present, in hex."""
    digest = ManifestDigest()
    for event in interleave(stream_signals(experiment), list_changes(experiment)):
        digest.add(event)
    return digest.hexdigest


def _parameters(experiment: Experiment) -> dict[str, Any]:
    return {
        "decay_version": experiment.champion["decay"]["version"],
        "known_at": experiment.known_at,
        "backfill_after": timedelta(hours=experiment.backfill_after_hours),
    }


def _alias() -> str:
    return router.db_for_read(Experiment)
