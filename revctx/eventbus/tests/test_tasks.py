from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from revctx.eventbus import outbox, tasks, workitems
from revctx.eventbus.models import OutboxEvent, RelayCursor, WorkItem
from revctx.eventbus.tests.factories import EventFactory

GROUP = "context-engine"


@pytest.mark.django_db(transaction=True)
class TestPrune:
    def test_deletes_what_is_published_and_past_its_retention_in_chunks(self, settings, monkeypatch):
        monkeypatch.setattr(tasks, "PRUNE_CHUNK", 2)
        now = timezone.now()
        old = now - timedelta(days=settings.OUTBOX_RETENTION_DAYS, minutes=1)
        for event in EventFactory.build_batch(7):
            with transaction.atomic():
                outbox.enqueue([event])
        rows = list(OutboxEvent.objects.order_by("txid", "id"))
        RelayCursor.objects.create(
            name="kafka", system_identifier="here", txid=rows[4].txid, last_id=rows[4].pk, moved_at=now
        )
        OutboxEvent.objects.exclude(pk=rows[0].pk).update(created_at=old)

        tasks.prune()

        kept = list(OutboxEvent.objects.order_by("id").values_list("pk", flat=True))
        assert kept == [rows[0].pk, rows[5].pk, rows[6].pk], "the young one and the unpublished ones"

    def test_keeps_work_that_is_open_dead_or_lately_done(self, settings):
        now = timezone.now()
        old = now - timedelta(days=settings.OUTBOX_RETENTION_DAYS + 1, minutes=1)
        workitems.add(group=GROUP, events=EventFactory.build_batch(4), now=old)
        first, second, third, _ = WorkItem.objects.order_by("id")
        WorkItem.objects.filter(pk=first.pk).update(state="done", done_at=old)
        WorkItem.objects.filter(pk=second.pk).update(state="done", done_at=now)
        WorkItem.objects.filter(pk=third.pk).update(state="dead")

        tasks.prune()

        assert sorted(WorkItem.objects.values_list("state", flat=True)) == ["dead", "done", "open"]
