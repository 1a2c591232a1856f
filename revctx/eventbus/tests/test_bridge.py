import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from revctx.eventbus import bridge as bridge_module
from revctx.eventbus import relay
from revctx.eventbus.bridge import Bridge
from revctx.eventbus.models import BridgeMember, GroupState, OutboxEvent, WorkItem
from revctx.eventbus.reconciler import reconcile
from revctx.eventbus.tests.factories import EventFactory
from revctx.eventbus.tests.test_relay import enqueue, relay_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.kafka]
GROUP = "context-engine"


@pytest.fixture
def bridge():
    bridge = Bridge(GROUP)
    yield bridge
    bridge.close()


def refuse(*_):
    raise OperationalError("the server is away")


def step_until(bridge: Bridge, condition, seconds: float = 25) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the bridge did not get there in time"
        bridge.step()


class TestBridge:
    def test_turns_events_into_items_and_hints_a_worker(self, producer, cursor, bridge, redis_server):
        events = EventFactory.build_batch(3)
        enqueue(*events)
        relay_all(producer, cursor)

        step_until(bridge, lambda: WorkItem.objects.filter(event_id__in=[e.id for e in events]).count() == 3)

        item = WorkItem.objects.get(event_id=events[0].id)
        assert (item.group, item.state, item.request_id) == (GROUP, "open", "trace-1")
        assert item.data == events[0].data
        assert redis_server.llen(GROUP) >= 1

    def test_survives_what_is_no_event(self, producer, cursor, bridge):
        producer.produce("signal.ingested", value=b"\xff not an event")
        producer.produce("signal.ingested", value=EventFactory().to_json().replace(b'"id":"', b'"id":"x'))
        event = EventFactory()
        enqueue(event)
        relay_all(producer, cursor)

        step_until(bridge, lambda: WorkItem.objects.filter(event_id=event.id).exists())

    def test_stands_still_while_too_much_work_is_open(self, producer, cursor, bridge, settings, monkeypatch):
        monkeypatch.setattr(bridge_module, "CHECK_EVERY", timedelta(0))
        settings.BRIDGE_MAX_OPEN_ITEMS = 2
        settings.RELAY_MAX_AHEAD = 0
        first = EventFactory.build_batch(3)
        enqueue(*first)
        relay_all(producer, cursor)
        step_until(bridge, lambda: WorkItem.objects.count() >= 3)
        step_until(bridge, lambda: GroupState.objects.filter(paused_since__isnull=False).exists())

        late = EventFactory()
        enqueue(late)
        relay_all(producer, cursor)
        for _ in range(4):
            bridge.step()
        assert not WorkItem.objects.filter(event_id=late.id).exists()

        WorkItem.objects.update(state="done")
        step_until(bridge, lambda: WorkItem.objects.filter(event_id=late.id).exists())
        assert GroupState.objects.get(group=GROUP).paused_since is None

    def test_ends_the_pause_of_one_that_died_in_it(self, bridge):
        GroupState.objects.create(group=GROUP, paused_since=timezone.now())

        bridge.step()

        assert GroupState.objects.get(group=GROUP).paused_since is None

    def test_leaves_its_group_even_while_postgresql_is_away(self):
        bridge = Bridge(GROUP)
        with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
            bridge.close()

        with pytest.raises(RuntimeError, match="closed"):
            bridge.step()


class TestReconcile:
    def publish_and_lose(self, producer, cursor) -> EventFactory:
        event = EventFactory()
        enqueue(event)
        relay_all(producer, cursor)
        return event

    def caught_up(self, now) -> None:
        for group in ("context-engine", "orchestration-engine"):
            BridgeMember.objects.update_or_create(
                group=group, member="test", defaults={"seen_at": now, "caught_up_at": now, "partitions": 4}
            )

    def test_gives_a_group_what_the_broker_forgot(self, producer, cursor):
        event = self.publish_and_lose(producer, cursor)
        now = timezone.now()
        later = now + timedelta(minutes=2)
        self.caught_up(now)
        assert reconcile(now=now) == 0, "a minute must pass first"

        self.caught_up(later)
        assert reconcile(now=later) == 1
        assert reconcile(now=later) == 0
        assert list(WorkItem.objects.values_list("group", "event_id")) == [(GROUP, event.id)]

    def test_leaves_a_paused_a_stopped_and_a_busy_group_alone(self, producer, cursor):
        self.publish_and_lose(producer, cursor)
        later = timezone.now() + timedelta(minutes=2)

        assert reconcile(now=later) == 0, "no bridge is alive, so it is merely behind"
        self.caught_up(later)
        GroupState.objects.create(group=GROUP, paused_since=later)
        assert reconcile(now=later) == 0, "it is paused"
        GroupState.objects.update(paused_since=None)
        BridgeMember.objects.update(caught_up_at=None)
        assert reconcile(now=later) == 0, "it still reads"

    def test_passes_over_nothing_when_transactions_end_out_of_order(self, producer, cursor):
        slow, quick = EventFactory(), EventFactory()
        enqueue(slow)
        enqueue(quick)
        relay_all(producer, cursor)
        later = timezone.now() + timedelta(minutes=2)
        OutboxEvent.objects.filter(event_id=slow.id).update(created_at=later - timedelta(seconds=30))

        self.caught_up(later)
        reconcile(now=later)
        last = later + timedelta(minutes=1)
        self.caught_up(last)
        reconcile(now=last)

        assert set(WorkItem.objects.values_list("event_id", flat=True)) == {slow.id, quick.id}

    def test_does_not_wait_for_a_bridge_without_partitions(self, producer, cursor):
        self.publish_and_lose(producer, cursor)
        later = timezone.now() + timedelta(minutes=2)
        self.caught_up(later)
        BridgeMember.objects.create(group=GROUP, member="standby", seen_at=later, partitions=0)

        assert reconcile(now=later) == 1

    def test_a_thousand_known_events_cost_one_pass(self, producer, cursor, django_assert_max_num_queries):
        self.publish_and_lose(producer, cursor)
        later = timezone.now() + timedelta(minutes=2)
        self.caught_up(later)
        reconcile(now=later)

        with django_assert_max_num_queries(16):
            reconcile(now=later)

    def test_relay_module_is_the_only_writer_of_the_cursor(self, producer, cursor):
        before = relay.load_cursor(now=timezone.now()).last_id
        self.publish_and_lose(producer, cursor)

        assert relay.load_cursor(now=timezone.now()).last_id > before
