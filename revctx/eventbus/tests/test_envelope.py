import json

import pytest

from revctx.eventbus.envelope import Event, InvalidEvent
from revctx.eventbus.tests.factories import EventFactory

WRONG_ATTRIBUTES = [
    {"id": "not-a-uuid"},
    {"id": 7},
    {"time": "yesterday"},
    {"time": None},
    {"subject": None},
    {"subject": "x" * 256},
    {"subject": "half a pair \ud800"},
    {"requestid": "x" * 129},
    {"requestid": 5},
    {"data": ["no", "object"]},
    {"data": {"text": "a\x00b"}},
    {"data": {"number": float("nan")}},
]


class TestEvent:
    def test_survives_a_round_trip(self):
        event = EventFactory()

        assert Event.from_json(event.to_json()) == event

    def test_carries_the_cloudevents_attributes(self):
        event = EventFactory(key="northwind")

        document = json.loads(event.to_json())

        assert document["specversion"] == "1.0"
        assert document["type"] == "signal.ingested"
        assert document["subject"] == "northwind"
        assert document["id"] == str(event.id)

    def test_refuses_a_type_that_is_no_topic(self):
        with pytest.raises(InvalidEvent, match=r"signal\.lost"):
            EventFactory(type="signal.lost")

    @pytest.mark.parametrize(
        "raw",
        [b"", b"\xff", b"[]", b"{}", b'{"specversion": "0.3"}', b'"text"', b"null"],
        ids=["empty", "not utf-8", "list", "no attributes", "old version", "text", "null"],
    )
    def test_refuses_what_is_no_event(self, raw):
        with pytest.raises(InvalidEvent):
            Event.from_json(raw)

    @pytest.mark.parametrize("wrong", WRONG_ATTRIBUTES, ids=str)
    def test_refuses_what_no_table_can_hold(self, wrong):
        document = json.loads(EventFactory().to_json()) | wrong

        with pytest.raises(InvalidEvent):
            Event.from_json(json.dumps(document).encode())

    def test_refuses_endless_nesting(self):
        with pytest.raises(InvalidEvent):
            Event.from_json(b'{"data":' * 100_000)
