import threading
import time
from datetime import timedelta

import pytest
from confluent_kafka import Consumer
from django.conf import settings
from django.db import connection, connections, transaction
from django.test import Client, override_settings
from django.utils import timezone

from revctx.eventbus import headroom, health, outbox, relay
from revctx.eventbus.envelope import Event
from revctx.eventbus.headroom import Headroom
from revctx.eventbus.models import OutboxEvent, RelayCursor
from revctx.eventbus.tests.factories import EventFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.kafka]


def enqueue(*events: Event) -> None:
    with transaction.atomic():
        outbox.enqueue(events)


# The horizon is the cluster's: autovacuum and other databases hold it back, too.
_NOBODY_ELSE = """
SELECT pg_snapshot_xmin(s)::text::bigint >= coalesce(
    (SELECT min(backend_xid::text::bigint) FROM pg_stat_activity WHERE datname = current_database()),
    pg_snapshot_xmax(s)::text::bigint)
FROM pg_current_snapshot() s
"""


def is_held_back() -> bool:
    with connection.cursor() as sql:
        sql.execute(_NOBODY_ELSE)
        return not sql.fetchone()[0]


def relay_all(producer, cursor) -> int:
    """Relay once, when nobody but this database's own transactions can hold events back."""
    deadline = time.monotonic() + 10
    while is_held_back():
        assert time.monotonic() < deadline, "another transaction of the cluster does not end"
        time.sleep(0.01)
    return relay.relay_batch(producer=producer, cursor=cursor, headroom=Headroom(), now=timezone.now())


def in_another_thread(work) -> None:
    def run():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def end_own_connection(services) -> None:
    own = connection.connection.info.backend_pid
    with services.postgres.connect_superuser() as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [own])


def consume(topic: str, wanted: set, seconds: float = 25) -> list[Event]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
            "group.id": f"test-{time.monotonic_ns()}",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([topic])
    found, deadline = [], time.monotonic() + seconds
    while wanted - {event.id for event in found} and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and not message.error() and message.key() is not None:
            found.append(Event.from_json(message.value()))
    consumer.close()
    return [event for event in found if event.id in wanted]


class TestEnqueue:
    def test_refuses_to_work_outside_a_transaction(self):
        with pytest.raises(RuntimeError, match="inside the transaction"):
            outbox.enqueue([EventFactory()])

    def test_a_lost_wake_up_is_no_failure_of_what_was_stored(self, services):
        with transaction.atomic():
            transaction.on_commit(lambda: end_own_connection(services))
            outbox.enqueue([EventFactory()])

        connection.close()
        assert OutboxEvent.objects.count() == 1

    def test_leaves_nothing_behind_when_the_transaction_fails(self):
        with transaction.atomic():
            outbox.enqueue([EventFactory()])
            transaction.set_rollback(True)

        assert not OutboxEvent.objects.exists()


class TestRelayBatch:
    def test_publishes_in_commit_order_and_once(self, producer, cursor):
        events = [EventFactory(key="same-key") for _ in range(5)]
        for event in events:
            enqueue(event)

        assert relay_all(producer, cursor) == 5
        assert relay_all(producer, cursor) == 0
        found = consume("signal.ingested", {event.id for event in events})
        assert [event.id for event in found] == [event.id for event in events]
        assert found[0] == events[0]

    def test_never_skips_a_transaction_that_commits_late(self, producer, cursor):
        early = connections.create_connection("default")
        with early.cursor() as sql:
            sql.execute("BEGIN")
            sql.execute(
                """INSERT INTO outbox_events (event_id, type, key, data, request_id, occurred_at)
                   VALUES (gen_random_uuid(), 'signal.ingested', 'late', '{}', '', now())"""
            )
            enqueue(EventFactory(key="quick"))
            held_back = relay_all(producer, cursor)
            sql.execute("COMMIT")
        early.close()

        assert held_back == 0
        assert relay_all(producer, cursor) == 2

    def test_starts_from_the_unpublished_rows_after_a_restore_elsewhere(self, producer, cursor):
        enqueue(EventFactory())
        relay_all(producer, cursor)
        enqueue(EventFactory(key="unpublished"))
        RelayCursor.objects.update(system_identifier="the old cluster")

        restored = relay.load_cursor(now=timezone.now())

        assert relay_all(producer, restored) == 1
        assert OutboxEvent.objects.get().key == "unpublished"
        enqueue(EventFactory())
        assert relay_all(producer, restored) == 1

    def test_goes_by_the_numbers_of_transactions(self, producer, cursor, monkeypatch):
        ten, nine = EventFactory(), EventFactory()
        enqueue(ten, nine)
        for event, txid in ((ten, 10), (nine, 9)):
            OutboxEvent.objects.filter(event_id=event.id).update(txid=txid)
        monkeypatch.setattr(relay, "BATCH", 1)

        assert [relay_all(producer, cursor) for _ in range(3)] == [1, 1, 0]
        assert cursor.txid == 10

    def test_stays_near_the_slowest_group(self, producer, cursor, settings):
        settings.RELAY_MAX_AHEAD = 3
        for _ in range(5):
            enqueue(EventFactory())

        assert relay_all(producer, cursor) == 3
        assert relay_all(producer, cursor) == 0

    def test_counts_anew_only_when_little_headroom_is_left(self, producer, cursor, settings, monkeypatch):
        settings.RELAY_MAX_AHEAD = 250
        enqueue(*(EventFactory() for _ in range(400)))
        counted = []
        count = headroom._count_ahead
        monkeypatch.setattr(headroom, "_count_ahead", lambda *given: counted.append(1) or count(*given))
        monkeypatch.setattr(relay, "BATCH", 50)
        room = headroom.Headroom()

        def turn():
            return relay.relay_batch(producer=producer, cursor=cursor, headroom=room, now=timezone.now())

        assert [turn() for _ in range(3)] == [50, 50, 50]
        assert len(counted) == len(settings.EVENT_GROUPS)
        assert [turn() for _ in range(3)] == [50, 50, 0]
        assert len(counted) > len(settings.EVENT_GROUPS)

    def test_does_not_wait_for_what_it_has_not_sent(self, producer, cursor, settings, monkeypatch):
        """Ids are given when rows are written, but events are read in the order of their transactions."""
        settings.RELAY_MAX_AHEAD = 3
        with transaction.atomic(), connection.cursor() as sql:
            sql.execute("SELECT pg_current_xact_id()")
            in_another_thread(lambda: enqueue(*(EventFactory() for _ in range(8))))
            outbox.enqueue([EventFactory(type="action.proposed")])
        with monkeypatch.context() as patch:
            patch.setattr(relay, "BATCH", 1)
            relay_all(producer, cursor)

        assert relay_all(producer, cursor) == 3

    def test_says_whom_it_waits_for_and_does_not_wait_without_a_limit(self, producer, cursor, settings):
        settings.RELAY_MAX_AHEAD = 3
        for _ in range(5):
            enqueue(EventFactory())
        relay_all(producer, cursor)
        assert health.check_relay() is None  # a moment is how it keeps pace

        OutboxEvent.objects.update(created_at=timezone.now() - timedelta(seconds=20))
        check = Client().get("/health/detailed").json()["checks"]["relay"]
        settings.RELAY_MAX_AHEAD = 0

        assert check["reason"] == "the relay waits for context-engine, 3 events behind"
        assert health.check_relay() is None
        assert relay_all(producer, cursor) == 2

    def test_keeps_its_place_when_the_broker_does_not_answer(self, cursor, monkeypatch):
        monkeypatch.setattr(relay, "DELIVERY_SECONDS", 1)
        with override_settings(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9"):
            lost = relay.make_producer()
        enqueue(EventFactory())

        with pytest.raises(relay.NotDelivered):
            relay_all(lost, cursor)

        assert RelayCursor.objects.get().last_id == 0


def test_a_commit_wakes_the_relay():
    listener = connections.create_connection("default")
    with listener.cursor() as sql:
        sql.execute(f"LISTEN {outbox.CHANNEL}")

    in_another_thread(lambda: enqueue(EventFactory()))
    woken = list(listener.connection.notifies(timeout=5, stop_after=1))
    listener.close()
    assert len(woken) == 1


def test_the_age_of_the_outbox_shows_a_relay_that_never_ran():
    assert health.outbox_age_seconds() == 0
    enqueue(EventFactory())
    OutboxEvent.objects.update(created_at=timezone.now() - timedelta(minutes=5))

    assert 299 < health.outbox_age_seconds() < 400


def test_the_relay_reads_its_order_from_an_index(cursor):
    with connection.cursor() as sql:
        sql.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
        sql.execute(
            """EXPLAIN SELECT * FROM outbox_events WHERE (txid, id) > ('5'::xid8, 5)
               AND txid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY txid, id LIMIT 1000"""
        )
        plan = "\n".join(row[0] for row in sql.fetchall())
        sql.execute("RESET ALL")
    assert "outbox_relay_order" in plan
    assert "Sort" not in plan
