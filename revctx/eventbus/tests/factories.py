"""Events for tests."""

from datetime import UTC, datetime
from uuid import uuid4

import factory

from revctx.eventbus.envelope import Event
from revctx.eventbus.topics import SIGNAL_INGESTED

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class EventFactory(factory.Factory):
    class Meta:
        model = Event

    type = SIGNAL_INGESTED
    key = "northwind"
    data = factory.LazyFunction(lambda: {"signal_id": str(uuid4())})
    occurred_at = NOON
    request_id = "trace-1"
