"""The messages against bytes that Google's own library printed from the API's field numbers."""

import pytest

from integrations.salesforce.changes import wire

REQUEST = bytes.fromhex("0a1c2f646174612f4f70706f7274756e6974794368616e67654576656e7410021a0300000520ac02")
# Two events, the first with an id and a header that we don't read, and an rpc_id.
RESPONSE = bytes.fromhex(
    "0abc010ab5010a0465762d31120273311aa001" + "0102" * 80 + "22060a016b1201761202000"
    "70a0a0a041202733212020008120200091a03727063202a"
)


def test_a_request_is_printed_as_google_prints_it():
    message = wire.FetchRequest(
        topic_name="/data/OpportunityChangeEvent",
        replay_preset=wire.CUSTOM,
        replay_id=b"\0\0\x05",
        num_requested=300,
    )

    assert wire.encode_fetch_request(message) == REQUEST
    assert wire.decode_fetch_request(REQUEST) == message


def test_a_response_is_read_and_what_is_unknown_skipped():
    message = wire.decode_fetch_response(RESPONSE)

    assert [(event.schema_id, event.replay_id) for event in message.events] == [
        ("s1", b"\0\x07"),
        ("s2", b"\0\x08"),
    ]
    assert message.events[0].payload == b"\x01\x02" * 80
    assert (message.latest_replay_id, message.pending_num_requested) == (b"\0\x09", 42)
    assert wire.decode_fetch_response(wire.encode_fetch_response(message)) == message


@pytest.mark.parametrize("raw", [b"\x0a", b"\x0a\x05ab", b"\x80", b"\xff" * 12, b"\x0b", b"\x0a\x02\xff\xff"])
def test_broken_bytes_are_named(raw):
    with pytest.raises(wire.BrokenMessage):
        wire.decode_schema_info(raw)
