"""What beat asks of the HTTP contract."""

from celery import shared_task
from django.utils import timezone

from revctx.api.idempotency import REMEMBERED
from revctx.api.models import IdempotencyKey


@shared_task(name="revctx.api.tasks.forget_requests", ignore_result=True)
def forget_requests() -> None:
    """Delete remembered requests that nobody will repeat any more."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - REMEMBERED).delete()
