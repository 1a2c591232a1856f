"""The relay leads on the connection that it reads and listens on, and leads again after losing it."""

import pytest
from django.db import transaction

from revctx.devstack.services import ThrowawayServices
from revctx.eventbus import outbox
from revctx.eventbus.cluster import RELAY_LOCK
from revctx.eventbus.tests.factories import EventFactory
from revctx.tests.database import number, rows
from revctx.tests.processes import Processes

PUBLISHED = """
SELECT count(*) FROM outbox_events o, relay_cursors c WHERE (o.txid, o.id) <= (c.txid, c.last_id)
"""
LEADERS = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = %s
"""


def leader() -> int | None:
    found = rows(LEADERS, RELAY_LOCK)
    return found[0][0] if found else None


def publish_one(processes: Processes, *, in_all: int) -> None:
    with transaction.atomic():
        outbox.enqueue([EventFactory()])
    processes.wait_for("the event in Kafka", lambda: number(PUBLISHED) == in_all, seconds=15)


@pytest.mark.kafka
def test_an_idle_relay_leads_again_after_its_connection_was_lost(
    processes: Processes, services: ThrowawayServices
) -> None:
    processes.start("relay")
    processes.wait_for("a leader", lambda: leader() is not None, seconds=30)
    first = leader()
    publish_one(processes, in_all=1)
    listening = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND usename = 'revctx_app'"
    assert number(listening, first) == 1

    with services.postgres.connect_superuser() as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    processes.wait_for("another leader", lambda: leader() not in {None, first}, seconds=15)

    publish_one(processes, in_all=2)
