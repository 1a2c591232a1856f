"""A worker's connection to PostgreSQL outlives its tasks, and is replaced when it is lost."""

from uuid import uuid4

import pytest
from django.utils import timezone

from revctx.eventbus import workitems
from revctx.eventbus.hints import hint
from revctx.eventbus.models import WorkItem
from revctx.eventbus.tests.factories import EventFactory
from revctx.tests.database import rows
from revctx.tests.processes import Processes

GROUP = "context-engine"
BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def backends() -> set[int]:
    return {pid for (pid,) in rows(BACKENDS)}


def have_work_done(processes: Processes) -> None:
    """Give the worker an item, and wait until it is done."""
    event = EventFactory.build(data={"signal_id": str(uuid4())})
    workitems.add(group=GROUP, events=[event], now=timezone.now())
    hint(group=GROUP, count=1)
    item = WorkItem.objects.filter(event_id=event.id, state=WorkItem.State.DONE)
    processes.wait_for("the item to be done", item.exists, seconds=60)


@pytest.mark.timeout(180)
def test_a_worker_keeps_its_connection_and_replaces_a_lost_one(processes: Processes) -> None:
    others = backends()
    processes.start("context-engine-1")
    have_work_done(processes)
    [kept] = backends() - others

    for _ in range(3):
        have_work_done(processes)
    assert backends() - others == {kept}

    assert rows(f"SELECT pg_terminate_backend({kept})") == [(True,)]
    have_work_done(processes)
    [replaced] = backends() - others
    assert replaced != kept
