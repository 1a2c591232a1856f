"""What no single row shows: whole partitions, rows that were never sealed, guards that are off."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from compliance.sealing import tree
from compliance.sealing.checkpoints import read_note
from compliance.sealing.findings import Finding, Report
from compliance.sealing.keys import InvalidNote
from revctx.eventbus import cluster

MAX_UNSEALED_SECONDS = 3600
_PARTITION_NAME = re.compile(r"audit_logs_y(\d{4})m(0[1-9]|1[0-2])")
_PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_logs'::regclass ORDER BY c.relname
"""
_UNGUARDED = """
SELECT c.relname FROM pg_class c
WHERE (c.relname IN ('audit_logs', 'audit_leaves', 'audit_tiles', 'audit_checkpoints', 'audit_keys',
                     'audit_retirements') AND c.relnamespace = 'public'::regnamespace
       OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass))
  AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_trigger t
                  WHERE t.tgrelid = c.oid AND t.tgname = 'revctx_append_only' AND t.tgenabled = 'A')
ORDER BY c.relname
"""
# The sealer takes all rows up to its cursor, so what lies below it without a leaf came in behind its back.
# The newest sealed row is what time is compared with: after a sealer's rest the rows that wait may be old.
_UNSEALED = """
SELECT a.id::text, a.recorded_at::text, h.system_identifier = %s AND (a.txid, a.id) <= (h.txid, h.last_id)
       OR a.recorded_at < h.newest - make_interval(secs => %s)
FROM audit_logs a
LEFT JOIN (SELECT c.*, (SELECT l.recorded_at FROM audit_leaves l WHERE l."index" = c.size - 1) AS newest
           FROM audit_checkpoints c ORDER BY size DESC LIMIT 1) h ON true
WHERE a.recorded_at >= %s AND a.recorded_at < %s
  AND NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = a.id)
ORDER BY a.recorded_at, a.id
"""
_ENDS = """
SELECT (SELECT coalesce(max("index") + 1, 0) FROM audit_leaves),
       (SELECT coalesce(max(size), 0) FROM audit_checkpoints)
"""


def check(report: Report, *, counts: dict[str, int], missing: dict[str, list[Any]], now: datetime) -> None:
    """Add what is wrong with partitions, unsealed rows, the tables' ends and their guards.

    ``counts`` holds the leaves by month, ``missing`` by month how many have no row, and the first of them.
    """
    with transaction.atomic(), connection.cursor() as sql:
        sql.execute("SET LOCAL statement_timeout = 0")
        sql.execute(_PARTITIONS)
        attached = _read_months(report, [name for (name,) in sql.fetchall()])
        _check_missing(report, counts, missing, attached)
        present = {month: n - missing.get(month, [0])[0] for month, n in counts.items()}
        for month in sorted(attached):
            _check_unsealed(report, month, present.get(month, 0))
        sql.execute(_ENDS)
        leaves, size = sql.fetchone()
        if leaves != size:
            report.add(
                Finding("truncated", f"{leaves} leaves stand under a seal of {size}", index=min(leaves, size))
            )
        sql.execute(_UNGUARDED)
        for (table,) in sql.fetchall():
            report.add(Finding("guard_off", f"table {table} can be changed: its append-only trigger is off"))


def _read_months(report: Report, partitions: list[str]) -> set[str]:
    """Return the attached months; a partition of another name is none of ours."""
    months = set()
    for name in partitions:
        if found := _PARTITION_NAME.fullmatch(name):
            months.add("-".join(found.groups()))
        else:
            detail = f"table {name} is attached to the log, but is no month of it"
            report.add(Finding("partition_foreign", detail))
    return months


def count_months_ahead(*, now: datetime) -> int:
    """Count for how many whole months after this one every partitioned table has a partition."""
    ahead = 0
    while ahead < 24:
        index = now.year * 12 + now.month + ahead
        suffix = f"_y{index // 12:04d}m{index % 12 + 1:02d}"
        with connection.cursor() as sql:
            sql.execute(
                "SELECT bool_and(to_regclass('public.' || table_name || %s) IS NOT NULL)"
                " FROM revctx_partitioned_tables",
                [suffix],
            )
            if not sql.fetchone()[0]:
                return ahead
        ahead += 1
    return ahead


def _check_missing(
    report: Report, counts: dict[str, int], missing: dict[str, list[Any]], attached: set[str]
) -> None:
    retired = _signed_retirements()
    for month, (number, index, event_id) in sorted(missing.items(), key=lambda item: int(item[1][1])):
        if month in attached:
            detail = f"{number} sealed rows of {month} are gone; this is the first"
            report.add(Finding("row_missing", detail, index, event_id))
        elif retired.get(month) == counts[month]:
            # Some of its rows may have been read before it was dropped.
            report.retired[month] = counts[month]
        else:
            detail = (
                f"the partition of {month} with {number} sealed rows is gone; no signed retirement says so"
            )
            report.add(Finding("partition_missing", detail, index, event_id))


def _signed_retirements() -> dict[str, int]:
    head = tree.find_head()
    try:
        return dict(read_note(head.note)[0].retired) if head else {}
    except InvalidNote:
        return {}  # the seal itself is a finding already


def _check_unsealed(report: Report, month: str, sealed: int) -> None:
    start = date(int(month[:4]), int(month[5:7]), 1)
    end = date(start.year + start.month // 12, start.month % 12 + 1, 1)
    bounds = [f"{start} 00:00+00", f"{end} 00:00+00"]
    with connection.cursor() as sql:
        sql.execute("SELECT count(*) FROM audit_logs WHERE recorded_at >= %s AND recorded_at < %s", bounds)
        if sql.fetchone()[0] == sealed:
            return
        sql.execute(_UNSEALED, [cluster.get_system_identifier(), MAX_UNSEALED_SECONDS, *bounds])
        for event_id, recorded_at, is_behind in sql:
            if is_behind:
                detail = f"a row recorded at {recorded_at} came in behind the seal"
                report.add(Finding("row_inserted", detail, event_id=event_id))
            else:
                report.pending += 1
