"""The daily comparison of states with the audit log: what it found stays, for an alarm to see."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.utils import timezone

from compliance.reconciliation import find_unrecorded
from compliance.sealing.models import AuditReconciliation
from revctx.observability import registry

# Two days, so that a run that comes late or fails leaves no hole.
LOOK_BACK = timedelta(days=2)

log = structlog.get_logger(__name__)


def reconcile(*, now: datetime) -> int:
    """Compare the states of the last two days with the log and keep the result; return how many lack a row.

    At most a hundred of each kind are counted and logged by id.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '30min'")
        found = find_unrecorded(since=now - LOOK_BACK)
    for name, ids in found.items():
        log.error("audit.unrecorded", state=name, count=len(ids), ids=ids[:5])
    missing = sum(map(len, found.values()))
    AuditReconciliation.objects.update_or_create(
        name="daily", defaults={"compared_at": now, "unrecorded": missing}
    )
    return missing


def read_last_count() -> int:
    """Return how many states without a row the last daily comparison found; 0 before the first."""
    last = AuditReconciliation.objects.filter(name="daily").first()
    return last.unrecorded if last else 0


def read_age_seconds(*, now: datetime) -> float:
    """Return the time since the last daily comparison, seconds; 0 before the first."""
    last = AuditReconciliation.objects.filter(name="daily").first()
    return max(0.0, (now - last.compared_at).total_seconds()) if last else 0.0


def register_gauges() -> None:
    """Offer what the last daily comparison found, and how long ago that was."""
    registry.register_gauge(
        "audit_states_unrecorded",
        "States without an audit row that the last daily comparison found; alarm above 0.",
        lambda: float(read_last_count()),
    )
    registry.register_gauge(
        "audit_reconciliation_age_seconds",
        "Time since states were last compared with the audit log; 0 before the first time.",
        lambda: read_age_seconds(now=timezone.now()),
    )
