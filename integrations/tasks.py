"""Upkeep of the connectors."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from integrations.models import InboundRequest


@shared_task(name="integrations.tasks.prune_inbound")
def prune_inbound() -> int:
    """Remove lines of the inbound log that are older than its retention; return how many."""
    before = timezone.now() - timedelta(days=settings.INBOUND_LOG_DAYS)
    removed, _ = InboundRequest.objects.filter(first_at__lt=before).delete()
    return removed
