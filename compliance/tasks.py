"""Celery tasks of compliance."""

import structlog
from celery import shared_task
from django.utils import timezone

from compliance.partitions import create_partitions as create
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
