"""The Pub/Sub API of Salesforce as a stream of changes: gRPC, one subscription, Avro decoded."""

import queue
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import grpc
import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from integrations.calling import CallRefused
from integrations.http import EgressRefused
from integrations.salesforce.changes import wire
from integrations.salesforce.changes.avro import ChangeSchema, Undecodable
from integrations.salesforce.changes.stream import ChangePage, PositionLost, ReceivedChange, StreamLost
from integrations.tokens import Token, TokenSource

EVENTS_A_PAGE = 100  # the most that the API gives at once
CALL_SECONDS = 15.0
_SERVICE = "/eventbus.v1.PubSub"
_OPTIONS = [
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_http_proxy", 0),
]
log = structlog.get_logger(__name__)


class PubSubStream:
    """Subscribes with a token of the organisation; one at a time."""

    def __init__(self, *, url: str, tokens: TokenSource) -> None:
        """Open a channel to `url`: https, or http on this machine.

        Raises:
            EgressRefused: in laboratory mode.
        """
        if settings.EXECUTION_MODE == "laboratory":
            raise EgressRefused("Laboratory mode makes no external calls.")
        self._channel = _open_channel(url)
        self._tokens = tokens
        self._schemas: dict[str, ChangeSchema] = {}
        self._call: Any = None

    def read(self, *, topic: str, after: bytes | None) -> Iterator[ChangePage]:
        """Yield pages; see `ChangeStream.read`."""
        token = self._get_token()
        preset = wire.LATEST if after is None else wire.CUSTOM if after else wire.EARLIEST
        requests: queue.SimpleQueue[wire.FetchRequest | None] = queue.SimpleQueue()
        requests.put(
            wire.FetchRequest(
                topic_name=topic, replay_preset=preset, replay_id=after or b"", num_requested=EVENTS_A_PAGE
            )
        )
        subscribe = self._channel.stream_stream(
            f"{_SERVICE}/Subscribe",
            request_serializer=wire.encode_fetch_request,
            response_deserializer=wire.decode_fetch_response,
        )
        self._call = subscribe(iter(requests.get, None), metadata=_metadata(token))
        try:
            for response in self._call:
                yield self._read_page(response, token)
                if response.pending_num_requested == 0:
                    requests.put(wire.FetchRequest(topic_name=topic, num_requested=EVENTS_A_PAGE))
        except grpc.RpcError as error:
            raise self._explain(error, token) from error
        finally:
            requests.put(None)
            self._call.cancel()
        raise StreamLost("ended")

    def close(self) -> None:
        """End a running `read`, from any thread."""
        if self._call is not None:
            self._call.cancel()

    def _read_page(self, response: wire.FetchResponse, token: Token) -> ChangePage:
        changes = tuple(self._decode(event, token) for event in response.events)
        last = changes[-1].replay_id if changes else response.latest_replay_id
        return ChangePage(changes=changes, position=last)

    def _decode(self, event: wire.ConsumerEvent, token: Token) -> ReceivedChange:
        try:
            payload = self._get_schema(event.schema_id, token).decode(event.payload)
        except Undecodable:
            log.warning("changes.undecodable", schema_id=event.schema_id)
            return ReceivedChange(replay_id=event.replay_id, payload=None, raw=event.payload)
        return ReceivedChange(replay_id=event.replay_id, payload=payload)

    def _get_schema(self, schema_id: str, token: Token) -> ChangeSchema:
        """Return a schema; an id means the same one for ever, so it is asked for once."""
        if schema_id not in self._schemas:
            get_schema = self._channel.unary_unary(
                f"{_SERVICE}/GetSchema",
                request_serializer=wire.encode_schema_request,
                response_deserializer=wire.decode_schema_info,
            )
            schema_json = get_schema(schema_id, metadata=_metadata(token), timeout=CALL_SECONDS)
            self._schemas[schema_id] = ChangeSchema(schema_json)
        return self._schemas[schema_id]

    def _get_token(self) -> Token:
        try:
            return self._tokens.get(deadline=time.monotonic() + CALL_SECONDS)
        except CallRefused as error:
            raise StreamLost(f"token_{error.code}") from error

    def _explain(self, error: grpc.RpcError, token: Token) -> Exception:
        code: grpc.StatusCode = error.code()
        details = dict(error.trailing_metadata() or ())
        if code is grpc.StatusCode.UNAUTHENTICATED:
            self._tokens.discard(token)
        if code is grpc.StatusCode.INVALID_ARGUMENT and "replayid" in str(details.get("error-code", "")):
            return PositionLost()
        return StreamLost(code.name.lower())


def _metadata(token: Token) -> tuple[tuple[str, str], ...]:
    return (
        ("accesstoken", token.value),
        ("instanceurl", token.instance_url),
        ("tenantid", token.organization_id),
    )


def _open_channel(url: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return grpc.secure_channel(parts.netloc, grpc.ssl_channel_credentials(), options=_OPTIONS)
    if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"):
        return grpc.insecure_channel(parts.netloc, options=_OPTIONS)
    raise ImproperlyConfigured("SALESFORCE_PUBSUB_URL must begin with https://.")
