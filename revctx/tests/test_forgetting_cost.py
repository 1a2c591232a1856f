"""Erasing a person touches no signal of theirs: the work is the same for hundreds of signals as for ten.

What it takes in seconds, up to 100,000 signals, is the measure `erasure.cost` of the benchmarks.
"""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contexts import tasks as contexts_tasks
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from revctx.tests.test_forgetting import erase, journal_folder
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

__all__ = ["journal_folder"]
pytestmark = pytest.mark.django_db(transaction=True)


def ingest_many(email, count):
    now = datetime.now(UTC)
    drafts = [
        SignalDraft(
            source="web",
            type="page_view",
            external_id=f"{email}-{number}",
            occurred_at=now - timedelta(minutes=number),
            account={"crm_id": f"of-{email.partition('@')[0]}"},
            person=PersonDraft(email=email, name="N", title="VP"),
        )
        for number in range(count)
    ]
    results = ingest_signals(drafts=drafts, actor="system:test", now=now)
    data = [{"signal_id": str(r.signal_id), "source": "web", "type": "page_view"} for r in results]
    events = [Event(type="signal.ingested", key="k", data=d, occurred_at=now) for d in data]
    workitems.add(group="context-engine", events=events, now=now)
    contexts_tasks.process_work()


def list_statements(client, email):
    """Erase a person; return what was asked of the database, without its values."""
    with CaptureQueriesContext(connection) as captured:
        erase(client, email)
    statements = (query["sql"] or "a copy" for query in captured)
    shapes = (re.split(" WHERE | VALUES | SET ", sql)[0][:60] for sql in statements)
    return [shape for shape in shapes if "SAVEPOINT" not in shape]


def test_the_work_of_an_erasure_does_not_grow_with_the_signals(api_client):
    client = api_client("privacy:write")
    for email, count in (("warm@up.example", 1), ("few@p.example", 10), ("many@p.example", 600)):
        ingest_many(email, count)
    list_statements(client, "warm@up.example")

    few, many = (list_statements(client, email) for email in ("few@p.example", "many@p.example"))

    assert many == few
    assert not [sql for sql in many if "signals" in sql and not sql.startswith("SELECT")]
