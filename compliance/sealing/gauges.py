"""Is the log sealed, and is there room for the months to come?"""

from __future__ import annotations

from django.db import OperationalError, connection
from django.utils import timezone

from compliance.sealing import inventory, tree
from revctx.eventbus import cluster
from revctx.observability import registry

MAX_LAG_SECONDS = 60.0
_OLDEST = """
SELECT coalesce(extract(epoch FROM now() - (
    SELECT a.recorded_at FROM audit_logs a
    LEFT JOIN (SELECT txid, last_id FROM audit_checkpoints ORDER BY size DESC LIMIT 1) h ON true
    WHERE h.txid IS NULL OR (a.txid, a.id) > (h.txid, h.last_id)
    ORDER BY a.txid, a.id LIMIT 1)), 0)
"""
# After a restore into another cluster the transactions are numbered anew: then what has no leaf waits.
_OLDEST_RESTORED = """
SELECT coalesce(extract(epoch FROM now() - min(a.recorded_at)), 0) FROM audit_logs a
WHERE a.recorded_at > (SELECT max(sealed_at) - interval '1 day' FROM audit_checkpoints)
  AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = a.id)
"""


def register() -> None:
    """Offer the gauges and the health check."""
    registry.register_gauge(
        "audit_seal_lag_seconds",
        "Age of the oldest audit row that no signed checkpoint covers.",
        read_lag_seconds,
    )
    registry.register_gauge(
        "audit_partitions_ahead",
        "Months after this one that every partitioned table is ready for; alarm below 2.",
        lambda: float(inventory.count_months_ahead(now=timezone.now())),
    )
    registry.register_health_check("seal_lag", check_lag)


def read_lag_seconds() -> float:
    """Return the age of the oldest unsealed row, seconds; 0 when all are sealed."""
    head = tree.find_head()
    moved = head is not None and head.system_identifier != cluster.get_system_identifier()
    with connection.cursor() as sql:
        sql.execute(_OLDEST_RESTORED if moved else _OLDEST)
        return max(0.0, float(sql.fetchone()[0]))


def check_lag() -> str | None:
    """Refuse when an audit row has been waiting for its seal over a minute."""
    try:
        lag = read_lag_seconds()
    except OperationalError as error:
        return f"not readable: {type(error).__name__}"
    return f"the oldest audit row waits {lag:.0f} s for its seal" if lag > MAX_LAG_SECONDS else None
