"""Dropping a month of the audit log so that its absence stays explained."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.db import connection, transaction

from compliance import audit
from compliance.sealing import tree
from compliance.sealing.checkpoints import read_note
from compliance.sealing.models import AuditLeaf, AuditRetirement

RETIRED = "audit_month.retired"


class NotRetirable(Exception):
    """The month holds rows that are not sealed, or is no month of the log."""


def retire_month(*, month: date, actor: str, now: datetime) -> bool:
    """Retire one month of ``audit_logs``, in two calls.

    The first writes a record, which the next seal signs; a later one drops the partition. Returns whether
    it is gone now; call again later if not. Months within retention are refused by the database.

    Raises:
        NotRetirable: some of its rows are not sealed yet.
    """
    month = month.replace(day=1)
    with transaction.atomic():
        if not AuditRetirement.objects.filter(month=month).exists():
            _record(month, actor, now)
            return False
        head = tree.find_head()
        if head is None or f"{month:%Y-%m}" not in read_note(head.note)[0].retired:
            return False
        with connection.cursor() as sql:
            sql.execute("SELECT revctx_drop_month_partition('audit_logs', %s)", [month])
        return True


def _record(month: date, actor: str, now: datetime) -> None:
    start = datetime.combine(month, time(), UTC)
    end = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
    with connection.cursor() as sql:
        sql.execute(
            "SELECT count(*) FROM audit_logs WHERE recorded_at >= %s AND recorded_at < %s", [start, end]
        )
        rows = int(sql.fetchone()[0])
    sealed = AuditLeaf.objects.filter(recorded_at__gte=start, recorded_at__lt=end).count()
    if rows != sealed:
        raise NotRetirable(f"{month:%Y-%m} holds {rows} rows, {sealed} are sealed")
    entry = audit.AuditEntry(
        name=RETIRED,
        actor=actor,
        target_type="audit_month",
        target_id=f"{month:%Y-%m}",
        at=now,
        payload={"rows": rows},
    )
    audit.record([entry])
    with connection.cursor() as sql:
        sql.execute(
            "SELECT id FROM audit_logs WHERE target_id = %s AND name = %s", [f"{month:%Y-%m}", RETIRED]
        )
        AuditRetirement.objects.create(month=month, rows=rows, event_id=sql.fetchone()[0])
