"""The Celery entry points."""

from datetime import timedelta

import pytest
from django.utils import timezone

from contexts import selectors
from contexts.models import AccountContext
from contexts.services.work import apply_signals
from contexts.tasks import process_work, sweep_bands
from contexts.tests.factories import NOW, ingest, make_draft, score_signals
from revctx.eventbus.models import WorkItem

pytestmark = pytest.mark.django_db


class TestProcessWork:
    def test_works_off_everything_that_is_due(self):
        ingest([make_draft("page_view", crm_id=f"crm-{n % 9}") for n in range(620)])

        assert process_work() == 620
        assert AccountContext.objects.count() == 9
        assert WorkItem.objects.filter(state="done").count() == 620
        assert process_work() == 0

    def test_an_item_that_cannot_be_handled_fails_alone(self):
        ingest([make_draft(), make_draft()])
        WorkItem.objects.filter(id=WorkItem.objects.order_by("id").first().id).update(
            data={"signal_id": "none"}
        )

        assert process_work() == 1
        assert sorted(WorkItem.objects.values_list("state", "attempts")) == [("done", 0), ("open", 1)]
        assert len(selectors.list_accounts()) == 1

    def test_a_signal_that_is_gone_is_no_error(self):
        ingest([make_draft()])
        WorkItem.objects.update(data={"signal_id": "018f0000-0000-7000-8000-000000000000"})

        assert process_work() == 1
        assert selectors.list_accounts() == []


class TestSweepBands:
    def test_refreshes_stored_scores(self):
        score_signals(make_draft("demo_requested", ago=timedelta(days=3)))
        AccountContext.objects.update(scored_at=NOW - timedelta(hours=1), intent_score=99)

        assert sweep_bands() == 1
        context = AccountContext.objects.get()
        assert context.intent_score < 60
        assert timezone.now() - context.scored_at < timedelta(minutes=1)


def test_an_empty_chunk_does_nothing():
    apply_signals(items=[], now=NOW)

    assert not AccountContext.objects.exists()
