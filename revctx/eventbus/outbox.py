"""Write events into the transaction that they tell of."""

from collections.abc import Iterable

from django.db import connection, transaction

from revctx.arrays import to_array
from revctx.eventbus.envelope import Event
from revctx.json_text import make_encoder
from revctx.statements import run_prepared

_encode = make_encoder(ensure_ascii=True)
CHANNEL = "revctx_outbox"
# Arrays make one short statement of any number of rows: the ORM's VALUES list costs a multiple.
_INSERT = """
INSERT INTO outbox_events (event_id, type, key, data, request_id, occurred_at)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::timestamptz[])
"""


def enqueue(events: Iterable[Event]) -> None:
    """Add events to the outbox of the running transaction; the relay publishes them after commit.

    Raises:
        RuntimeError: no transaction is open, so the event could tell of something that never happened.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Events are enqueued inside the transaction that they tell of.")
    rows = [
        (
            event.id,
            event.type,
            event.key,
            _encode(event.data),
            event.request_id,
            event.occurred_at,
        )
        for event in events
    ]
    if not rows:
        return
    run_prepared(_INSERT, [to_array(column) for column in zip(*rows, strict=True)])
    # A caller whose events are stored must not be told that they are not; the relay polls anyway.
    if not any(registered[1] is _wake_relay for registered in connection.run_on_commit):
        transaction.on_commit(_wake_relay, robust=True)  # once a transaction, however many calls it makes


def _wake_relay() -> None:
    """Notify after the commit: a NOTIFY inside it would make all commits wait for one lock."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
