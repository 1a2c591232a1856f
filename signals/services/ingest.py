"""Take signals in: check, deduplicate, seal, store, audit and announce, in one transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

import structlog
from django.db import InterfaceError, OperationalError, transaction

from compliance import audit, subjects
from revctx.arrays import to_array
from revctx.eventbus.envelope import Event, new_event_ids
from revctx.eventbus.outbox import enqueue
from revctx.observability.context import get_request_id
from revctx.observability.metrics import SIGNALS_PROCESSED
from revctx.statements import one_trip, run_prepared
from signals.canonical import canonical_json
from signals.contracts import IngestResult, SignalDraft
from signals.digests import StoredSignal, digest_of
from signals.normalization import (
    Catalogue,
    NormalizedSignal,
    account_reference,
    normalize,
    source_label,
    type_label,
)
from signals.selectors import get_catalogue
from signals.services.candidates import make_candidates
from signals.services.keys import Claim, claim

log = structlog.get_logger(__name__)

SCHEMA_VERSION = 1

# One array a column: a quarter of the time of the ORM's INSERT with one parameter a value.
_INSERT_COLUMNS = {
    "id": "uuid",
    "received_at": "timestamptz",
    "occurred_at": "timestamptz",
    "source": "text",
    "type": "text",
    "account": "jsonb",
    "subject_id": "uuid",
    "strength": "float8",
    "attributes": "jsonb",
    "sealed": "bytea",
    "schema_version": "int2",
    "request_id": "text",
    "conflicts_with": "uuid",
}
_INSERT = (
    f"INSERT INTO signals ({', '.join(_INSERT_COLUMNS)}) "
    f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in _INSERT_COLUMNS.values())})"
)
_READ_COLUMNS = [
    attrgetter(f"{name}_json" if kind == "jsonb" else name) for name, kind in _INSERT_COLUMNS.items()
]


class Arrival(NamedTuple):
    """A signal that may be stored, and whose request brought it."""

    signal: NormalizedSignal
    actor: str
    request_id: str


def ingest_signals(*, drafts: Sequence[SignalDraft], actor: str, now: datetime) -> list[IngestResult]:
    """Store signals, each event once, and announce the new ones; all or none.

    Returns what became of each draft, in order. 500 to 2,000 a call is quickest; `now` is the time of
    receipt.

    Raises:
        InvalidDraft: one of them can't be stored, so none is.
    """
    catalogue = get_catalogue() if drafts else Catalogue(types={})
    request_id = get_request_id()
    signals = [normalize(draft, now=now, catalogue=catalogue) for draft in drafts]
    return store_arrivals(arrivals=[Arrival(signal, actor, request_id) for signal in signals], now=now)


def store_arrivals(*, arrivals: Sequence[Arrival], now: datetime) -> list[IngestResult]:
    """Store checked signals of any number of requests in one transaction; all or none.

    Signal, dedup key, audit row and event of each are committed together: one statement a table. `now`
    is the time of receipt and not before the time by which any of them was checked.
    """
    if not arrivals:
        return []
    with transaction.atomic():
        candidates, held = make_candidates(reported=[arrival.signal for arrival in arrivals], now=now)
        claims = claim(candidates=candidates, now=now)
        kept = [
            (claim, arrival)
            for claim, arrival in zip(claims, arrivals, strict=True)
            if claim.result.status != "duplicate"
        ]
        if kept:
            with one_trip():
                rows = _store(kept, held, now)
                _record(rows, [arrival.actor for _, arrival in kept])
                _announce(rows)
        transaction.on_commit(lambda: _count(claims))
    return [claim.result for claim in claims]


def store_each(*, arrivals: Sequence[Arrival], now: datetime) -> list[IngestResult | Exception]:
    """Store checked signals as `store_arrivals` does, but one that can't be stored fails alone.

    Returns an outcome an arrival, in order: its result, or the exception that it alone causes.

    Raises:
        OperationalError, InterfaceError: the database refuses, which is nobody's own fault.
    """
    try:
        return [*store_arrivals(arrivals=arrivals, now=now)]
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(arrivals) == 1:
            log.error("signal.not_stored", error=type(error).__name__, request_id=arrivals[0].request_id)
            return [error]
    middle = len(arrivals) // 2
    return [
        *store_each(arrivals=arrivals[:middle], now=now),
        *store_each(arrivals=arrivals[middle:], now=now),
    ]


def _store(kept: list[tuple[Claim, Arrival]], held: subjects.HeldKeys, now: datetime) -> list[StoredSignal]:
    """Insert the rows of new events and of other versions, sealed."""
    ciphertexts = held.seal(
        [
            (
                claim.candidate.subject_id,
                _sealed_content(claim.candidate.signal),
                claim.candidate.signal_id.bytes,
            )
            for claim, _ in kept
        ]
    )
    rows = [
        _make_row(claim, sealed, arrival.request_id, now)
        for (claim, arrival), sealed in zip(kept, ciphertexts, strict=True)
    ]
    run_prepared(_INSERT, [to_array(map(read, rows)) for read in _READ_COLUMNS])
    return rows


def _sealed_content(signal: NormalizedSignal) -> bytes:
    content = {"external_id": signal.external_id} | ({"content": signal.sealed} if signal.sealed else {})
    if signal.person:
        # The address is the subject's; it is not kept twice.
        content |= {"name": signal.person.name, "title": signal.person.title}
    return canonical_json(content)


def _make_row(claim: Claim, sealed: bytes, request_id: str, now: datetime) -> StoredSignal:
    signal = claim.candidate.signal
    return StoredSignal(
        id=claim.candidate.signal_id,
        received_at=now,
        occurred_at=signal.occurred_at,
        source=signal.source,
        type=signal.type,
        account=signal.account,
        subject_id=claim.candidate.subject_id,
        strength=signal.strength,
        attributes=signal.attributes,
        sealed=sealed,
        schema_version=SCHEMA_VERSION,
        request_id=request_id,
        conflicts_with=claim.conflicts_with,
        account_json=signal.account_json,
        attributes_json=signal.attributes_json,
        id_text=str(claim.candidate.signal_id),
    )


def _record(rows: list[StoredSignal], actors: list[str]) -> None:
    audit.record(
        [
            audit.AuditEntry(
                name="signal.conflicted" if row.conflicts_with else "signal.ingested",
                actor=actor,
                target_type="signal",
                target_id=row.id_text,
                at=row.received_at,
                payload={
                    "source": row.source,
                    "type": row.type,
                    "sha256": digest_of(
                        row, id_text=row.id_text, account=row.account_json, attributes=row.attributes_json
                    ),
                },
                request_id=row.request_id,
            )
            for row, actor in zip(rows, actors, strict=True)
        ]
    )


def _announce(rows: list[StoredSignal]) -> None:
    """Publish the new events; another version of a known one must not be scored again."""
    news = [row for row in rows if row.conflicts_with is None]
    enqueue(
        Event(
            id=event_id,
            type="signal.ingested",
            key=account_reference(row.account),
            data={"signal_id": row.id_text, "source": row.source, "type": row.type},
            occurred_at=row.received_at,
            request_id=row.request_id,
        )
        for row, event_id in zip(news, new_event_ids(len(news)), strict=True)
    )


def _count(claims: list[Claim]) -> None:
    counts = Counter(
        (source_label(claim.candidate.signal.source), type_label(claim.candidate.signal), claim.result.status)
        for claim in claims
    )
    for (source, signal_type, status), count in counts.items():
        SIGNALS_PROCESSED.labels(source=source, type=signal_type, status=status).inc(count)
    statuses = Counter(claim.result.status for claim in claims)
    log.info("signals.ingested", **{name: statuses[name] for name in ("accepted", "duplicate", "conflict")})
