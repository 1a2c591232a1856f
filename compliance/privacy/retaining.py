"""The daily run of retention, and what of the requests themselves is deleted by age."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from compliance import audit, retention
from compliance.models import MonthKey
from compliance.partitions import list_old_months
from compliance.privacy.models import PrivacyExport, PrivacyRequest, RetentionSchedule
from compliance.sealing.retirement import NotRetirable, retire_month

ACTOR = "system:retention"

log = structlog.get_logger(__name__)


class RetentionIncomplete(RuntimeError):
    """Some classes could not be applied; all others were. ``removed`` counts theirs."""

    def __init__(self, failed: Mapping[str, str], removed: Mapping[str, int]) -> None:
        """Name the classes and why: the kind of the error, for its text may quote content."""
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in failed.items()))
        self.failed, self.removed = dict(failed), dict(removed)


def apply_retention(*, now: datetime) -> dict[str, int]:
    """Delete what has outlived its schedule, each class in a transaction of its own; return the counts.

    Raises:
        RetentionIncomplete: at the end, when a class failed or has no schedule; the others were applied.
    """
    schedules = {row.data_class: row.keep_days for row in RetentionSchedule.objects.all()}
    removed: dict[str, int] = {}
    failed: dict[str, str] = {}
    for data_class in retention.list_data_classes():
        if data_class not in schedules:  # nobody would ever delete it
            failed[data_class] = "no retention schedule"
            continue
        try:
            days = max(schedules[data_class], retention.get_least_days(data_class))
            removed[data_class] = _apply(data_class, days, now=now)
        except Exception as error:  # whatever it is, the classes after it must not wait for its repair
            log.exception("retention.failed", data_class=data_class)
            failed[data_class] = type(error).__name__
    if failed:
        raise RetentionIncomplete(failed, removed)
    return removed


def remove_exports(before: datetime) -> int:
    """Delete exports made before an instant."""
    return PrivacyExport.objects.filter(created_at__lt=before).delete()[0]


def remove_request_details(before: datetime) -> int:
    """Empty what was sealed with requests closed before an instant; the record of the request stays."""
    closed = PrivacyRequest.objects.filter(closed_at__lt=before, sealed_details__isnull=False)
    return closed.update(sealed_details=None)


def destroy_month_keys(before: datetime) -> int:
    """Destroy the keys of months that end by an instant and that nothing sealed needs any more.

    A month whose key still opens something stays, whatever its age.
    """
    keys = MonthKey.objects.filter(wrapped_key__isnull=False, month__lt=before.date().replace(day=1))
    gone = [key.month for key in keys.order_by("month") if not retention.is_month_held(key.month)]
    return MonthKey.objects.filter(month__in=gone).update(wrapped_key=None)


def remove_sign_ins(before: datetime) -> int:
    """Delete the log of sign-ins older than an instant, and sessions that ran out before it."""
    removed = Session.objects.filter(expire_date__lt=before).delete()[0]
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        removed += model.objects.filter(attempt_time__lt=before).delete()[0]
    return removed


def retire_audit_months(before: datetime) -> int:
    """Take one step towards dropping each month of the audit log that ends before an instant.

    A month goes a day after its record was sealed; see ``retirement``. One that is not sealed stays and is
    logged: without its seals nobody could tell its absence from a tampering.
    """
    dropped = 0
    for month in list_old_months(table="audit_logs", before=before):
        try:
            dropped += retire_month(month=month, actor=ACTOR, now=timezone.now())
        except NotRetirable as error:
            log.error("retention.not_retirable", month=f"{month:%Y-%m}", reason=str(error))
    return dropped


@transaction.atomic
def _apply(data_class: str, keep_days: int, *, now: datetime) -> int:
    count = retention.remove_expired(data_class, keep_days=keep_days, now=now)
    if count:
        entry = audit.AuditEntry(
            name="retention.applied",
            actor=ACTOR,
            target_type="data_class",
            target_id=data_class,
            at=now,
            payload={"keep_days": keep_days, "removed": count},
        )
        audit.record([entry])
    return count
