"""Keep many payloads that nobody understood: one statement a table, however many there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from uuid import UUID

from django.db import transaction

from compliance import audit, subjects
from revctx.observability.context import get_request_id
from signals.addresses import read_addresses
from signals.identifiers import new_signal_id
from signals.models import QuarantinedPayload
from signals.services.quarantine import _count, delivery_mark, owner_of


@dataclass(frozen=True)
class Unclear:
    """A payload that nobody understood.

    Args:
        reason: short word; carries nothing of the payload.
        payload: what the sender wrote.
        delivery: the sender's id of a signed delivery, or empty.
    """

    reason: str
    payload: bytes
    delivery: str = ""


@transaction.atomic
def quarantine_many(*, source: str, items: Sequence[Unclear], now: datetime) -> list[UUID]:
    """Seal the payloads of one body and record that they wait; return their ids, in order. All or none.

    Each is kept as `services.quarantine.quarantine` keeps one: under the key of the one person that it
    names, under the month's when it names several or none, and not at all when one of them is suppressed
    or they are too many. `now` is the time of receipt.
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
        _count(row.source, row.reason)
