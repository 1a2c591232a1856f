from datetime import timedelta

import pytest
from django.db import connection, connections

from revctx.eventbus import workitems
from revctx.eventbus.models import WorkItem
from revctx.eventbus.tests.factories import NOON, EventFactory
from revctx.observability.context import get_request_id

GROUP = "context-engine"


def states() -> list[str]:
    return list(WorkItem.objects.order_by("id").values_list("state", flat=True))


def process(handle, *, now=NOON, limit=500) -> int:
    return workitems.process(group=GROUP, handle=handle, limit=limit, now=now)


@pytest.mark.django_db
class TestAdd:
    def test_stores_an_event_once_a_group(self):
        event = EventFactory()

        first = workitems.add(group=GROUP, events=[event], now=NOON)
        again = workitems.add(group=GROUP, events=[event, event], now=NOON)
        other = workitems.add(group="orchestration-engine", events=[event], now=NOON)

        assert (first, again, other) == (1, 0, 1)
        assert WorkItem.objects.count() == 2


@pytest.mark.django_db
class TestProcess:
    def test_hands_over_due_items_in_order_and_closes_them(self):
        events = EventFactory.build_batch(3)
        for event in events:
            workitems.add(group=GROUP, events=[event], now=NOON)
        seen = []

        done = process(lambda items: seen.extend(item.event_id for item in items))

        assert done == 3
        assert seen == [event.id for event in events]
        assert states() == ["done"] * 3
        assert process(seen.append) == 0

    def test_takes_no_more_than_the_limit(self):
        workitems.add(group=GROUP, events=EventFactory.build_batch(5), now=NOON)

        assert process(lambda items: None, limit=2) == 2
        assert states().count("open") == 3

    def test_a_lone_item_carries_its_request_id(self):
        workitems.add(group=GROUP, events=[EventFactory(request_id="trace-7")], now=NOON)
        seen = []

        process(lambda items: seen.append(get_request_id()))

        assert seen == ["trace-7"]

    def test_a_bad_item_fails_alone(self):
        bad, *good = EventFactory.build_batch(4)
        workitems.add(group=GROUP, events=[bad, *good], now=NOON)
        written = []

        def handle(items):
            if any(item.event_id == bad.id for item in items):
                raise ValueError("mia@example.com must not be kept")
            written.extend(items)

        assert process(handle) == 3
        item = WorkItem.objects.get(event_id=bad.id)
        assert (item.state, item.attempts, item.last_error) == ("open", 1, "builtins.ValueError")
        assert item.due_at == NOON + timedelta(seconds=2)
        assert len(written) == 3

    def test_gives_up_after_five_attempts_and_replays_on_demand(self):
        workitems.add(group=GROUP, events=[EventFactory()], now=NOON)

        def handle(items):
            raise ValueError

        now = NOON
        for _ in range(5):
            assert process(handle, now=now) == 0
            now += timedelta(minutes=5)
        assert states() == ["dead"]
        assert process(handle, now=now) == 0

        assert workitems.replay_dead(group=GROUP, now=now) == 1
        assert process(lambda items: None, now=now) == 1

    def test_writes_of_a_failed_chunk_are_rolled_back(self):
        workitems.add(group=GROUP, events=EventFactory.build_batch(2), now=NOON)
        calls = []

        def handle(items):
            calls.append(len(items))
            if len(items) > 1:
                WorkItem.objects.filter(pk=items[0].id).update(key="half done")
                raise ValueError

        process(handle)

        assert calls == [2, 1, 1]
        assert not WorkItem.objects.filter(key="half done").exists()

    def test_waits_for_the_due_time(self):
        workitems.add(group=GROUP, events=[EventFactory()], now=NOON + timedelta(seconds=10))

        assert process(lambda items: None) == 0
        assert workitems.list_due_groups(now=NOON) == []
        assert workitems.list_due_groups(now=NOON + timedelta(seconds=10)) == [GROUP]


@pytest.mark.django_db(transaction=True)
class TestProcessTogether:
    def test_two_workers_never_see_the_same_item(self):
        workitems.add(group=GROUP, events=EventFactory.build_batch(6), now=NOON)
        seen = []

        def outer(items):
            seen.extend(items)
            other = connections.create_connection("default")
            with other.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM (SELECT 1 FROM work_items FOR UPDATE SKIP LOCKED) s")
                assert cursor.fetchone() == (3,)
            other.close()

        assert process(outer, limit=3) == 3
        assert len({item.id for item in seen}) == 3


@pytest.mark.django_db
def test_the_claim_reads_the_index_of_open_items():
    workitems.add(group=GROUP, events=EventFactory.build_batch(500), now=NOON)
    WorkItem.objects.update(state="done", done_at=NOON)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE work_items")  # nearly all are done: the primary key would lead past them
        cursor.execute(
            f"EXPLAIN {workitems._CLAIM}", {"group": GROUP, "now": NOON, "limit": 500, "only": None}
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "work_items_due" in plan
    assert "Sort" not in plan


@pytest.mark.django_db(transaction=True)
def test_what_is_due_first_is_claimed_first():
    early, late = EventFactory.build(), EventFactory.build()
    workitems.add(group=GROUP, events=[late], now=NOON)
    workitems.add(group=GROUP, events=[early], now=NOON - timedelta(minutes=1))
    seen = []

    process(seen.extend, limit=1)
    process(seen.extend, limit=1)

    assert [item.event_id for item in seen] == [early.id, late.id]
