"""Erasing a person costs no more for thousands of their signals than for ten."""

from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from contexts import tasks as contexts_tasks
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from revctx.tests.test_forgetting import erase, journal_folder
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

__all__ = ["journal_folder"]
pytestmark = pytest.mark.django_db(transaction=True)


def ingest_many(email, count):
    person = PersonDraft(email=email, name="N", title="VP")
    for start in range(0, count, 500):
        now = datetime.now(UTC)
        drafts = [
            SignalDraft(
                source="web",
                type="page_view",
                external_id=f"{email}-{number}",
                occurred_at=now - timedelta(minutes=number % 5000),
                account={"crm_id": f"of-{email.partition('@')[0]}"},
                person=person,
            )
            for number in range(start, min(start + 500, count))
        ]
        results = ingest_signals(drafts=drafts, actor="system:test", now=now)
        data = [{"signal_id": str(r.signal_id), "source": "web", "type": "page_view"} for r in results]
        events = [Event(type="signal.ingested", key="k", data=d, occurred_at=now) for d in data]
        workitems.add(group="context-engine", events=events, now=now)
    contexts_tasks.process_work()


def compare_costs(api_client, many, repeats):
    """Return the median seconds of erasing persons with few signals and with many."""
    client = api_client("privacy:write")
    erase(client, "warm.up@customer.example")
    seconds = {10: [], many: []}
    for number in range(repeats):
        for count, taken in seconds.items():
            email = f"p{count}.{number}@customer.example"
            ingest_many(email, count)
            taken.append(erase(client, email))
    return median(seconds[10]), median(seconds[many])


def test_erasing_costs_no_more_for_thousands_of_signals(api_client):
    few, many = compare_costs(api_client, 1_000, repeats=2)

    assert many <= 2 * few, f"{few * 1000:.1f} ms against {many * 1000:.1f} ms"


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_erasing_costs_no_more_for_a_hundred_thousand_signals(api_client):
    few, many = compare_costs(api_client, 100_000, repeats=1)

    assert many <= 2 * few, f"{few * 1000:.1f} ms against {many * 1000:.1f} ms"
