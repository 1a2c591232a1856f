"""What beat asks of the bus."""

from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.db import connection
from django.utils import timezone

from revctx.eventbus import reconciler, workitems
from revctx.eventbus.hints import hint
from revctx.eventbus.models import BridgeMember

PRUNE_CHUNK = 5_000


@shared_task(name="revctx.eventbus.tasks.sweep", ignore_result=True, expires=5)
def sweep() -> None:
    """Hint again what is due: a Celery message may be lost, a work item never is."""
    for group in workitems.list_due_groups(now=timezone.now()):
        if group in settings.EVENT_GROUPS:
            hint(group=group, count=1)


@shared_task(name="revctx.eventbus.tasks.reconcile", ignore_result=True, expires=60)
def reconcile() -> None:
    """Give groups what Kafka lost, then hint."""
    if reconciler.reconcile(now=timezone.now()):
        sweep()


@shared_task(name="revctx.eventbus.tasks.prune", ignore_result=True)
def prune() -> None:
    """Delete published events and finished items that are past their retention."""
    before = timezone.now() - timedelta(days=settings.OUTBOX_RETENTION_DAYS)
    _delete_in_chunks(
        """
        SELECT o.id FROM outbox_events o, relay_cursors c
        WHERE c.name = 'kafka' AND (o.txid, o.id) <= (c.txid, c.last_id) AND o.created_at < %s
        ORDER BY o.txid, o.id LIMIT %s
        """,
        "outbox_events",
        before,
    )
    _delete_in_chunks(
        "SELECT id FROM work_items WHERE state = 'done' AND done_at < %s ORDER BY done_at LIMIT %s",
        "work_items",
        before - timedelta(days=1),
    )
    BridgeMember.objects.filter(seen_at__lt=before).delete()


def _delete_in_chunks(chosen: str, table: str, before: datetime) -> None:
    """Delete the rows of a table that a query chooses; one long transaction would hold back the relay."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(f"DELETE FROM {table} WHERE id IN ({chosen})", [before, PRUNE_CHUNK])
            if cursor.rowcount < PRUNE_CHUNK:
                return
