"""Doors that store the same event at the same moment."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection

from revctx.eventbus.models import OutboxEvent
from signals.models import Signal, SignalConflict
from signals.services.ingest import ingest_signals
from signals.tests.factories import SignalDraftFactory

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8


def _at_once(batches):
    barrier = threading.Barrier(len(batches))

    def store(drafts):
        try:
            barrier.wait(timeout=10)
            results = ingest_signals(drafts=drafts, actor="system:test", now=datetime.now(UTC))
            return [result.status for result in results]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(batches)) as threads:
        return list(threads.map(store, batches))


def test_batches_in_any_order_store_each_event_once_without_deadlock():
    drafts = SignalDraftFactory.build_batch(60, with_person=True)
    batches = [drafts[n * 7 :] + drafts[: n * 7] if n % 2 else drafts[::-1] for n in range(THREADS)]

    statuses = [status for batch in _at_once(batches) for status in batch]

    assert statuses.count("accepted") == 60
    assert statuses.count("duplicate") == 60 * (THREADS - 1)
    assert Signal.objects.count() == OutboxEvent.objects.filter(type="signal.ingested").count() == 60


def test_the_same_other_version_is_kept_once():
    draft = SignalDraftFactory(attributes={"count": 1})
    ingest_signals(drafts=[draft], actor="system:test", now=datetime.now(UTC))
    other = dataclasses.replace(draft, attributes={"count": 2})

    statuses = [status for batch in _at_once([[other]] * THREADS) for status in batch]

    assert sorted(statuses) == ["conflict"] + ["duplicate"] * (THREADS - 1)
    assert (Signal.objects.count(), SignalConflict.objects.count()) == (2, 1)
