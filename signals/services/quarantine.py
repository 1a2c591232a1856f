"""Keep what a webhook sent and nobody understood, so that nothing disappears.

One statement a table, however many payloads a body holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from uuid import UUID

import structlog
from django.db import transaction

from compliance import audit, subjects
from revctx.observability.context import get_request_id
from revctx.observability.metrics import SIGNALS_PROCESSED
from signals.addresses import read_addresses
from signals.identifiers import new_signal_id
from signals.models import QuarantinedPayload
from signals.normalization import source_label

log = structlog.get_logger(__name__)


class PayloadNotFound(Exception):
    """No quarantined payload has this id."""


@dataclass(frozen=True)
class Unclear:
    """A payload that nobody understood.

    Args:
        reason: short word; carries nothing of the payload.
        payload: what the sender wrote.
        delivery: the sender's id of a signed delivery, which a mapper needs to recognise a repetition.
    """

    reason: str
    payload: bytes
    delivery: str = ""


def quarantine(*, source: str, reason: str, payload: bytes, now: datetime, delivery: str = "") -> UUID:
    """Keep one payload as `quarantine_many` does; return its id."""
    [payload_id] = quarantine_many(source=source, items=[Unclear(reason, payload, delivery)], now=now)
    return payload_id


@transaction.atomic
def quarantine_many(*, source: str, items: Sequence[Unclear], now: datetime) -> list[UUID]:
    """Seal the payloads of one body and record that they wait; return their ids, in order. All or none.

    `source` names the door that they came through; `now` is the time of receipt. One that names a person by
    address is sealed under that person's key, so that an erasure reaches it; one that names several, under
    the month's, and dies with the first of them; one that names somebody who is suppressed, or whom nobody
    can tell (`addresses.read_addresses`), is not kept, only that it came.
    """
    if not items:
        return []
    persons = _find_persons([item.payload for item in items], now=now)
    rows = [_make_row(source, item, found, now) for item, found in zip(items, persons, strict=True)]
    may_keep = [found is not None for found in persons]
    _seal(list(compress(zip(rows, items, strict=True), may_keep)), now=now)
    QuarantinedPayload.objects.bulk_create(rows)
    audit.record([_make_entry(row) for row in rows])
    transaction.on_commit(lambda: _count_all(rows))
    return [row.id for row in rows]


@transaction.atomic
def dismiss(*, payload_id: UUID, actor: str, now: datetime) -> bool:
    """Close a payload that nobody needs as a signal; return False when it was closed before.

    Its body stays until its time is over.

    Raises:
        PayloadNotFound: no payload has this id.
    """
    row = QuarantinedPayload.objects.select_for_update().filter(id=payload_id).first()
    if row is None:
        raise PayloadNotFound(str(payload_id))
    if row.state == QuarantinedPayload.State.RESOLVED:
        return False
    row.state, row.outcome = QuarantinedPayload.State.RESOLVED, QuarantinedPayload.Outcome.DISMISSED
    row.resolved_at = now
    row.save(update_fields=["state", "outcome", "resolved_at"])
    entry = audit.AuditEntry(
        name="quarantine.dismissed",
        actor=actor,
        target_type="quarantine",
        target_id=str(payload_id),
        at=now,
        payload={"source": row.source, "reason": row.reason},
    )
    audit.record([entry])
    return True


def erase_quarantined(subject_id: UUID) -> None:
    """Drop the bodies of the payloads that name a person."""
    named = QuarantinedPayload.objects.filter(subject_ids__contains=[subject_id])
    named.update(sealed=None, sealed_delivery=None)


def remove_quarantined(before: datetime) -> int:
    """Drop the bodies of payloads received before an instant; that they came stays recorded.

    Returns: how many rows changed; those whose body was gone already are only closed.
    """
    old = QuarantinedPayload.objects.filter(received_at__lt=before)
    closed = old.filter(state=QuarantinedPayload.State.OPEN).update(
        state=QuarantinedPayload.State.RESOLVED,
        outcome=QuarantinedPayload.Outcome.EXPIRED,
        sealed=None,
        sealed_delivery=None,
    )
    return closed + old.filter(sealed__isnull=False).update(sealed=None, sealed_delivery=None)


def owner_of(subject_ids: Sequence[UUID]) -> UUID | None:
    """Return under whose key a payload is sealed: the only person's, or None for the month's."""
    return subject_ids[0] if len(subject_ids) == 1 else None


def delivery_mark(payload_id: UUID) -> bytes:
    """Return the associated data of a sealed delivery id."""
    return payload_id.bytes + b"delivery"


def _find_persons(payloads: Sequence[bytes], *, now: datetime) -> list[list[UUID] | None]:
    """Return of each payload the persons whose addresses stand in it; None when it must not be kept."""
    named = [read_addresses(payload) for payload in payloads]
    emails = {address: email for addresses in named if addresses for address, email in addresses.items()}
    found = subjects.ensure_subjects(emails=emails.values(), now=now)
    known = {address: found[email] for address, email in emails.items() if email in found}
    return [
        None if addresses is None or not addresses.keys() <= known.keys() else _ids_of(addresses, known)
        for addresses in named
    ]


def _ids_of(addresses: Iterable[str], known: dict[str, UUID]) -> list[UUID]:
    return sorted(known[address] for address in addresses)


def _make_row(source: str, item: Unclear, persons: list[UUID] | None, now: datetime) -> QuarantinedPayload:
    return QuarantinedPayload(
        id=new_signal_id(received_at=now),
        source=source,
        reason=item.reason,
        subject_ids=persons or [],
        received_at=now,
        request_id=get_request_id(),
    )


def _seal(kept: Sequence[tuple[QuarantinedPayload, Unclear]], *, now: datetime) -> None:
    """Seal what may be kept, bodies and ids of deliveries in one go."""
    delivered = [(row, item) for row, item in kept if item.delivery]
    bodies = [(owner_of(row.subject_ids), item.payload, row.id.bytes) for row, item in kept]
    marks = [
        (owner_of(row.subject_ids), item.delivery.encode(), delivery_mark(row.id)) for row, item in delivered
    ]
    sealed = subjects.seal(items=bodies + marks, now=now) if kept else []
    for (row, _), body in zip(kept, sealed[: len(kept)], strict=True):
        row.sealed = body
    for (row, _), mark in zip(delivered, sealed[len(kept) :], strict=True):
        row.sealed_delivery = mark


def _make_entry(row: QuarantinedPayload) -> audit.AuditEntry:
    return audit.AuditEntry(
        name="signal.quarantined",
        actor=f"system:{row.source}-webhook",
        target_type="quarantine",
        target_id=str(row.id),
        at=row.received_at,
        payload={"source": row.source, "reason": row.reason},
    )


def _count_all(rows: Sequence[QuarantinedPayload]) -> None:
    for row in rows:
        SIGNALS_PROCESSED.labels(source=source_label(row.source), type="other", status="quarantined").inc()
        log.info("signal.quarantined", source=row.source, reason=row.reason)
