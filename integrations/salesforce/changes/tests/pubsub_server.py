"""A server that behaves like Salesforce's Pub/Sub API: retention, replay ids, flow control, token."""

import io
import json
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import fastavro
import grpc

from integrations.salesforce.changes import wire

HEADER_FIELDS = {
    "entityName": "string",
    "recordIds": {"type": "array", "items": "string"},
    "changeType": "string",
    "changeOrigin": "string",
    "transactionKey": "string",
    "sequenceNumber": "int",
    "commitTimestamp": "long",
    "commitNumber": "long",
    "commitUser": "string",
    "nulledFields": {"type": "array", "items": "string"},
    "diffFields": {"type": "array", "items": "string"},
    "changedFields": {"type": "array", "items": "string"},
}
OPTIONAL_TEXT = ["null", "string"]
SCHEMA = {
    "type": "record",
    "name": "OpportunityChangeEvent",
    "namespace": "com.sforce.eventbus",
    "fields": [
        {
            "name": "ChangeEventHeader",
            "type": {
                "type": "record",
                "name": "ChangeEventHeader",
                "fields": [{"name": name, "type": kind} for name, kind in HEADER_FIELDS.items()],
            },
        },
        {"name": "AccountId", "type": OPTIONAL_TEXT, "default": None},
        {"name": "Name", "type": OPTIONAL_TEXT, "default": None},
        {"name": "StageName", "type": OPTIONAL_TEXT, "default": None},
        {"name": "Amount", "type": ["null", "double"], "default": None},
        {"name": "LastModifiedDate", "type": ["null", "long"], "default": None},
        {"name": "Description", "type": OPTIONAL_TEXT, "default": None},
        {"name": "ContactEmail", "type": OPTIONAL_TEXT, "default": None},
    ],
}
POSITIONS = {field["name"]: number for number, field in enumerate(SCHEMA["fields"])}


def encode(event):
    """Return an event in Avro, its changed fields as the bitmap that Salesforce sends."""
    header = {"nulledFields": [], "diffFields": [], **event["ChangeEventHeader"]}
    bits = sum(1 << POSITIONS[name] for name in header["changedFields"])
    buffer = io.BytesIO()
    event = event | {"ChangeEventHeader": header | {"changedFields": [hex(bits)] if bits else []}}
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(SCHEMA), event)
    return buffer.getvalue()


class PubSubServer:
    """Keeps events from `oldest` on; publishes to whoever is subscribed; can hang up on everybody."""

    def __init__(self):
        self.payloads, self.oldest = [], 0
        self.requests, self.schema_calls = [], 0
        self.token = "token-1"
        self._news, self._epoch = threading.Condition(), 0
        self._grpc = grpc.server(ThreadPoolExecutor(8))
        self._grpc.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("eventbus.v1.PubSub", {
            "Subscribe": grpc.stream_stream_rpc_method_handler(
                self._subscribe, wire.decode_fetch_request, wire.encode_fetch_response),
            "GetSchema": grpc.unary_unary_rpc_method_handler(
                self._get_schema, wire.decode_schema_request, wire.encode_schema_info),
        })])  # fmt: skip
        self.url = f"http://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()

    def stop(self):
        self.hang_up()
        self._grpc.stop(0.2).wait()

    def publish(self, *events):
        with self._news:
            self.payloads += [event if isinstance(event, bytes) else encode(event) for event in events]
            self._news.notify_all()

    def hang_up(self):
        with self._news:
            self._epoch += 1
            self._news.notify_all()

    @property
    def subscriptions(self):
        return [request for request in self.requests if request.replay_preset or len(self.requests) == 1]

    def _get_schema(self, schema_id, context):
        self.schema_calls += 1
        return json.dumps(SCHEMA)

    def _subscribe(self, requests, context):
        metadata = dict(context.invocation_metadata())
        if (metadata["accesstoken"], metadata["tenantid"]) != (self.token, "00D5g00000ABCdeEAF"):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "sfdc.platform.eventbus.grpc.service.auth.error")
        first = next(requests)
        self.requests.append(first)
        position, epoch = self._start(first, context), self._epoch
        asked = queue.SimpleQueue()
        asked.put(first.num_requested)
        threading.Thread(target=self._listen, args=(requests, asked), daemon=True).start()
        pending = 0
        while context.is_active():
            while pending == 0 or not asked.empty():
                pending += asked.get()
            with self._news:
                if len(self.payloads) == position and self._epoch == epoch:
                    self._news.wait(0.3)
                if self._epoch != epoch:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "hung up")
                events = list(enumerate(self.payloads))[position : position + min(pending, 10)]
            pending -= len(events)
            position += len(events)
            yield wire.FetchResponse(
                events=tuple(
                    wire.ConsumerEvent(schema_id="schema-1", payload=payload, replay_id=replay_id(number))
                    for number, payload in events
                ),
                latest_replay_id=replay_id(position - 1),
                pending_num_requested=pending,
            )

    def _start(self, first, context):
        if first.replay_preset == wire.LATEST:
            return len(self.payloads)
        if first.replay_preset == wire.EARLIEST:
            return self.oldest
        position = int.from_bytes(first.replay_id, "big")
        if position < self.oldest:
            context.set_trailing_metadata(
                [("error-code", "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.validation.failed")]
            )
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The Replay ID validation failed.")
        return position

    def _listen(self, requests, asked):
        try:
            for request in requests:
                self.requests.append(request)
                asked.put(request.num_requested)
        except grpc.RpcError:
            return


def replay_id(number):
    """Return the id behind which event `number + 1` comes."""
    return (number + 1).to_bytes(10, "big")
