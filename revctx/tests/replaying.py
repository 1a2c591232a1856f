"""Let every group read every topic once more, from the first message on."""

import time
from uuid import UUID

from confluent_kafka import Consumer, TopicPartition
from django.conf import settings

from contexts import tasks as contexts_tasks
from orchestration import tasks as orchestration_tasks
from revctx.eventbus.bridge import Bridge
from revctx.eventbus.models import OutboxEvent, WorkItem


def replay_from_the_beginning() -> None:
    """Set the offsets of both groups back to 0 at the broker, and let the real bridges read all again."""
    WorkItem.objects.all().delete()
    for group, target in settings.EVENT_GROUPS.items():
        reset_group(group, target["topics"])
    # Both at once, for a broker lets a group wait for more members before it may read.
    bridges = {group: Bridge(group) for group in settings.EVENT_GROUPS}
    deadline = time.monotonic() + 30
    while late := [group for group in bridges if list_missing(group)]:
        assert time.monotonic() < deadline, f"not every event came again to {late}"
        for group in late:
            bridges[group].step()
    for bridge in bridges.values():
        bridge.close()
    contexts_tasks.process_work()
    orchestration_tasks.process_work()


def list_missing(group: str) -> set[UUID]:
    """Return the published events of a group that it has no work item of."""
    topics = settings.EVENT_GROUPS[group]["topics"]
    wanted = set(OutboxEvent.objects.filter(type__in=topics).values_list("event_id", flat=True))
    assert wanted
    return wanted - set(WorkItem.objects.filter(group=group).values_list("event_id", flat=True))


def reset_group(group: str, topics: list[str]) -> None:
    """Set a group back to the first message of each of its topics."""
    consumer = Consumer(
        {"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS, "group.id": group, "log_level": 0}
    )
    known = consumer.list_topics(timeout=10).topics
    beginnings = [TopicPartition(topic, number, 0) for topic in topics for number in known[topic].partitions]
    consumer.commit(offsets=beginnings, asynchronous=False)
    consumer.close()
