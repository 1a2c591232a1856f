"""Take signals in: check, deduplicate, seal, store, audit and announce, in one transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import connection, transaction

from compliance import audit, subjects
from revctx.eventbus.envelope import Event
from revctx.eventbus.outbox import enqueue
from revctx.observability.context import get_request_id
from revctx.observability.metrics import SIGNALS_PROCESSED
from signals.contracts import IngestResult, SignalDraft
from signals.digests import StoredSignal, row_digest
from signals.normalization import (
    NormalizedSignal,
    account_reference,
    canonical_json,
    normalize,
    source_label,
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


def ingest_signals(*, drafts: Sequence[SignalDraft], actor: str, now: datetime) -> list[IngestResult]:
    """Store signals, each event once, and announce the new ones; all or none.

    Returns what became of each draft, in order. 500 to 2,000 a call is quickest; `now` is the time of
    receipt.

    Raises:
        InvalidDraft: one of them can't be stored, so none is.
    """
    if not drafts:
        return []
    catalogue = get_catalogue()
    reported = [normalize(draft, now=now, catalogue=catalogue) for draft in drafts]
    with transaction.atomic():
        claims = claim(candidates=make_candidates(reported=reported, now=now), now=now)
        rows = _store([claim for claim in claims if claim.result.status != "duplicate"], now)
        _record(rows, actor)
        _announce(rows)
        transaction.on_commit(lambda: _count(claims))
    return [claim.result for claim in claims]


def _store(kept: list[Claim], now: datetime) -> list[StoredSignal]:
    """Insert the rows of new events and of other versions, sealed."""
    ciphertexts = subjects.seal(
        items=[
            (
                claim.candidate.subject_id,
                _sealed_content(claim.candidate.signal),
                claim.candidate.signal_id.bytes,
            )
            for claim in kept
        ],
        now=now,
    )
    rows = [_make_row(claim, sealed, now) for claim, sealed in zip(kept, ciphertexts, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                [canonical_json(getattr(row, name)).decode() for row in rows]
                if kind == "jsonb"
                else [getattr(row, name) for row in rows]
                for name, kind in _INSERT_COLUMNS.items()
            ],
        )
    return rows


def _sealed_content(signal: NormalizedSignal) -> bytes:
    content = {"external_id": signal.external_id} | ({"content": signal.sealed} if signal.sealed else {})
    if signal.person:
        # The address is the subject's; it is not kept twice.
        content |= {"name": signal.person.name, "title": signal.person.title}
    return canonical_json(content)


def _make_row(claim: Claim, sealed: bytes, now: datetime) -> StoredSignal:
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
        request_id=get_request_id(),
        conflicts_with=claim.conflicts_with,
    )


def _record(rows: list[StoredSignal], actor: str) -> None:
    audit.record(
        [
            audit.AuditEntry(
                name="signal.conflicted" if row.conflicts_with else "signal.ingested",
                actor=actor,
                target_type="signal",
                target_id=str(row.id),
                at=row.received_at,
                payload={"source": row.source, "type": row.type, "sha256": row_digest(row)},
            )
            for row in rows
        ]
    )


def _announce(rows: list[StoredSignal]) -> None:
    """Publish the new events; another version of a known one must not be scored again."""
    enqueue(
        Event(
            type="signal.ingested",
            key=account_reference(row.account),
            data={"signal_id": str(row.id), "source": row.source, "type": row.type},
            occurred_at=row.received_at,
        )
        for row in rows
        if row.conflicts_with is None
    )


def _count(claims: list[Claim]) -> None:
    counts = Counter(
        (source_label(claim.candidate.signal.source), claim.candidate.signal.type, claim.result.status)
        for claim in claims
    )
    for (source, signal_type, status), count in counts.items():
        SIGNALS_PROCESSED.labels(source=source, type=signal_type, status=status).inc(count)
    statuses = Counter(claim.result.status for claim in claims)
    log.info("signals.ingested", **{name: statuses[name] for name in ("accepted", "duplicate", "conflict")})
