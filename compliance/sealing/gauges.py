"""Is the log sealed, and is there room for the months to come?"""

from __future__ import annotations

from django.db import OperationalError, connection
from django.utils import timezone

from compliance.sealing import inventory
from revctx.observability import registry

MAX_LAG_SECONDS = 60.0
_OLDEST = """
SELECT coalesce(extract(epoch FROM now() - (
    SELECT a.recorded_at FROM audit_logs a
    LEFT JOIN (SELECT txid, last_id FROM audit_checkpoints ORDER BY size DESC LIMIT 1) h ON true
    WHERE h.txid IS NULL OR (a.txid, a.id) > (h.txid, h.last_id)
    ORDER BY a.txid, a.id LIMIT 1)), 0)
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
    with connection.cursor() as sql:
        sql.execute(_OLDEST)
        return max(0.0, float(sql.fetchone()[0]))


def check_lag() -> str | None:
    """Refuse when an audit row has been waiting for its seal over a minute."""
    try:
        lag = read_lag_seconds()
    except OperationalError as error:
        return f"not readable: {type(error).__name__}"
    return f"the oldest audit row waits {lag:.0f} s for its seal" if lag > MAX_LAG_SECONDS else None
