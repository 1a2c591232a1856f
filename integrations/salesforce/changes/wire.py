"""The few messages of the Pub/Sub API that we speak, in the binary form of Protocol Buffers. Pure.

Source: Salesforce Pub/Sub API, `pubsub_api.proto`, package `eventbus.v1`; field numbers as there. Unknown
fields are skipped, as the encoding demands. Six messages are less to keep than generated code and its
run-time library.
"""

from collections.abc import Iterator
from dataclasses import dataclass

LATEST, EARLIEST, CUSTOM = 0, 1, 2  # ReplayPreset
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class BrokenMessage(ValueError):
    """Bytes that are no message."""


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """Ask for more events, and in the first request of a call, from where."""

    topic_name: str
    replay_preset: int = LATEST
    replay_id: bytes = b""
    num_requested: int = 0


@dataclass(frozen=True, kw_only=True)
class ConsumerEvent:
    """An event as it is carried: its payload is Avro under a schema."""

    schema_id: str
    payload: bytes
    replay_id: bytes


@dataclass(frozen=True, kw_only=True)
class FetchResponse:
    """Events; without any, it keeps the call alive and tells the position."""

    events: tuple[ConsumerEvent, ...]
    latest_replay_id: bytes
    pending_num_requested: int


def encode_fetch_request(message: FetchRequest) -> bytes:
    """Return the bytes of a FetchRequest."""
    return (
        _text(1, message.topic_name)
        + _number(2, message.replay_preset)
        + _bytes(3, message.replay_id)
        + _number(4, message.num_requested)
    )


def decode_fetch_request(raw: bytes) -> FetchRequest:
    """Return the message of some bytes."""
    message = _Fields(raw)
    return FetchRequest(
        topic_name=message.text(1),
        replay_preset=message.number(2),
        replay_id=message.last(3),
        num_requested=message.number(4),
    )


def encode_fetch_response(message: FetchResponse) -> bytes:
    """Return the bytes of a FetchResponse."""
    events = b"".join(_bytes(1, _encode_event(event)) for event in message.events)
    return events + _bytes(2, message.latest_replay_id) + _number(4, message.pending_num_requested)


def decode_fetch_response(raw: bytes) -> FetchResponse:
    """Return the message of some bytes.

    Raises:
        BrokenMessage: it is none.
    """
    message = _Fields(raw)
    return FetchResponse(
        events=tuple(_decode_event(event) for event in message.all(1)),
        latest_replay_id=message.last(2),
        pending_num_requested=message.number(4),
    )


def encode_schema_request(schema_id: str) -> bytes:
    """Return the bytes of a SchemaRequest."""
    return _text(1, schema_id)


def decode_schema_request(raw: bytes) -> str:
    """Return the id that a SchemaRequest asks for."""
    return _Fields(raw).text(1)


def encode_schema_info(schema_json: str) -> bytes:
    """Return the bytes of a SchemaInfo."""
    return _text(1, schema_json)


def decode_schema_info(raw: bytes) -> str:
    """Return the schema of a SchemaInfo."""
    return _Fields(raw).text(1)


def _encode_event(event: ConsumerEvent) -> bytes:
    produced = _text(2, event.schema_id) + _bytes(3, event.payload)
    return _bytes(1, produced) + _bytes(2, event.replay_id)


def _decode_event(raw: bytes) -> ConsumerEvent:
    consumed = _Fields(raw)
    produced = _Fields(consumed.last(1))
    return ConsumerEvent(schema_id=produced.text(2), payload=produced.last(3), replay_id=consumed.last(2))


class _Fields:
    """The fields of one message by number."""

    def __init__(self, raw: bytes) -> None:
        self._values: dict[int, list[int | bytes]] = {}
        for number, value in _split(raw):
            self._values.setdefault(number, []).append(value)

    def all(self, number: int) -> list[bytes]:
        return [value for value in self._values.get(number, []) if isinstance(value, bytes)]

    def last(self, number: int) -> bytes:
        return self.all(number)[-1] if self.all(number) else b""

    def text(self, number: int) -> str:
        try:
            return self.last(number).decode()
        except UnicodeDecodeError as error:
            raise BrokenMessage("text is not UTF-8") from error

    def number(self, number: int) -> int:
        values = [value for value in self._values.get(number, []) if isinstance(value, int)]
        return values[-1] if values else 0


def _split(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(raw):
        tag, position = _read_varint(raw, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _read_varint(raw, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(raw, position)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise BrokenMessage("unknown wire type")
        if position + length > len(raw):
            raise BrokenMessage("cut short")
        yield tag >> 3, raw[position : position + length]
        position += length


def _read_varint(raw: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(raw):
            raise BrokenMessage("cut short")
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise BrokenMessage("number too long")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value if value else b""


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())
