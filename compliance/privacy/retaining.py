"""The daily run of retention, and what of the requests themselves is deleted by age."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone

from compliance import audit, retention
from compliance.partitions import list_old_months
from compliance.privacy.models import PrivacyExport, PrivacyRequest, RetentionSchedule
from compliance.sealing.retirement import NotRetirable, retire_month

ACTOR = "system:retention"

log = structlog.get_logger(__name__)


def apply_retention(*, now: datetime) -> dict[str, int]:
    """Delete what has outlived its schedule, each class in a transaction of its own; return the counts.

    Raises:
        LookupError: a registered class has no schedule, so that nobody would ever delete it.
    """
    schedules = {row.data_class: row.keep_days for row in RetentionSchedule.objects.all()}
    removed: dict[str, int] = {}
    for data_class in retention.list_data_classes():
        if data_class not in schedules:
            raise LookupError(f"no retention schedule for {data_class}")
        removed[data_class] = _apply(data_class, schedules[data_class], now=now)
    return removed


def remove_exports(before: datetime) -> int:
    """Delete exports made before an instant."""
    return PrivacyExport.objects.filter(created_at__lt=before).delete()[0]


def remove_request_details(before: datetime) -> int:
    """Empty what was sealed with requests closed before an instant; the record of the request stays."""
    closed = PrivacyRequest.objects.filter(closed_at__lt=before, sealed_details__isnull=False)
    return closed.update(sealed_details=None)


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
