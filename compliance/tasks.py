"""Celery tasks of compliance."""

from contextlib import suppress

import structlog
from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from compliance import reconciling
from compliance.partitions import create_partitions as create
from compliance.privacy import execution, reapplying, retaining
from compliance.privacy.journal import JournalUnavailable
from compliance.sealing.requests import work_on_verifications

log = structlog.get_logger(__name__)


@shared_task(name="compliance.tasks.create_partitions")
def create_partitions() -> int:
    """Create the coming months' partitions of every partitioned table; return how many were missing."""
    created = create(now=timezone.now())
    log.info("partitions.created", count=len(created), partitions=created)
    return len(created)


@shared_task(name="compliance.tasks.verify_audit")
def verify_audit(count: int = 0) -> None:
    """Do one short turn on the verifications that were asked for; beat sends for the next one."""
    work_on_verifications(now=timezone.now())


@shared_task(name="compliance.tasks.run_privacy_requests")
def run_privacy_requests() -> int:
    """Carry out the privacy requests that are due; return how many were looked at.

    After a restore the journal comes first, lest somebody erased is taken for known.
    """
    if not reapplying.is_applied():
        try:
            reapplying.reapply(now=timezone.now())
        except JournalUnavailable as error:
            log.error("privacy.not_reapplied", error=str(error))
    due = execution.list_due(now=timezone.now())
    for request_id in due:
        execution.run_request(request_id=request_id, now=timezone.now())
    return len(due)


@shared_task(name="compliance.tasks.apply_retention")
def apply_retention() -> None:
    """Delete what has outlived its schedule."""
    log.info("retention.applied", **retaining.apply_retention(now=timezone.now()))


@shared_task(name="compliance.tasks.reconcile_audit")
def reconcile_audit() -> int:
    """Compare the states that were reached lately with the audit log; return how many lack their row."""
    missing = reconciling.reconcile(now=timezone.now())
    log.info("audit.reconciled", unrecorded=missing)
    return missing


def hint_verification() -> None:
    """Tell the worker that a verification was asked for; beat finds it without the hint, too."""
    with suppress(OperationalError):
        verify_audit.delay()
