"""Keep what a webhook sent and nobody understood, so that nothing disappears."""

from collections.abc import Sequence
from datetime import datetime
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


@transaction.atomic
def quarantine(*, source: str, reason: str, payload: bytes, now: datetime, delivery: str = "") -> UUID:
    """Seal a payload and record that it waits.

    `source` names the door that it came through; `reason` is a short word and carries nothing of the payload;
    `delivery` is the sender's id of a signed delivery, which a mapper needs to recognise a repetition.
    One that names a person by address is sealed under that person's key, so that an erasure reaches it; one
    that names several, under the month's, and dies with the first of them; one that names somebody who is
    suppressed, or whom nobody can tell (`addresses.read_addresses`), is not kept, only that it came.
    """
    payload_id = new_signal_id(received_at=now)
    persons = _find_persons(payload, now=now)
    sealed = sealed_delivery = None
    if persons is not None:
        owner = owner_of(persons)
        items = [(owner, payload, payload_id.bytes), (owner, delivery.encode(), delivery_mark(payload_id))]
        sealed, sealed_delivery, *_ = (*subjects.seal(items=items if delivery else items[:1], now=now), None)
    QuarantinedPayload.objects.create(
        id=payload_id,
        source=source,
        reason=reason,
        sealed=sealed,
        sealed_delivery=sealed_delivery,
        subject_ids=persons or [],
        received_at=now,
        request_id=get_request_id(),
    )
    entry = audit.AuditEntry(
        name="signal.quarantined",
        actor=f"system:{source}-webhook",
        target_type="quarantine",
        target_id=str(payload_id),
        at=now,
        payload={"source": source, "reason": reason},
    )
    audit.record([entry])
    transaction.on_commit(lambda: _count(source, reason))
    return payload_id


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


def _find_persons(payload: bytes, *, now: datetime) -> list[UUID] | None:
    """Return the persons whose addresses stand in a payload; None when it must not be kept."""
    emails = read_addresses(payload)
    if emails is None:
        return None
    found = subjects.ensure_subjects(emails=emails.values(), now=now)
    return sorted(found.values()) if len(found) == len(emails) else None


def _count(source: str, reason: str) -> None:
    SIGNALS_PROCESSED.labels(source=source_label(source), type="other", status="quarantined").inc()
    log.info("signal.quarantined", source=source, reason=reason)
