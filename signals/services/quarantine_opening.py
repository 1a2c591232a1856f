"""Open quarantined payloads; compliance records whose content was read, and we which payload."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import audit, subjects
from signals.models import QuarantinedPayload
from signals.services.quarantine import PayloadNotFound, delivery_mark, owner_of
from signals.services.quarantine_mappers import QuarantinedDelivery


@transaction.atomic
def inspect_payload(*, payload_id: UUID, actor: str, now: datetime) -> bytes | None:
    """Return the bytes of a payload for a person to read; None when they are gone. Audited.

    Raises:
        PayloadNotFound: no payload has this id.
    """
    row = QuarantinedPayload.objects.filter(id=payload_id).first()
    if row is None:
        raise PayloadNotFound(str(payload_id))
    delivery = open_delivery(row, actor=actor, purpose="quarantine_inspection", now=now)
    entry = audit.AuditEntry(
        name="quarantine.opened",
        actor=actor,
        target_type="quarantine",
        target_id=str(payload_id),
        at=now,
        payload={"source": row.source, "reason": row.reason, "is_gone": delivery is None},
    )
    audit.record([entry])
    return delivery.payload if delivery else None


def open_delivery(
    row: QuarantinedPayload, *, actor: str, purpose: str, now: datetime
) -> QuarantinedDelivery | None:
    """Return a payload as its door received it; None when body or key are gone."""
    if row.sealed is None:
        return None
    owner = owner_of(row.subject_ids)
    items = [(owner, bytes(row.sealed), row.id.bytes)]
    if row.sealed_delivery is not None:
        items.append((owner, bytes(row.sealed_delivery), delivery_mark(row.id)))
    payload, *rest = subjects.open_sealed(items=items, actor=actor, purpose=purpose, now=now)
    if payload is None:
        return None
    return QuarantinedDelivery(
        id=row.id,
        source=row.source,
        payload=payload,
        delivery=(rest[0] or b"").decode() if rest else "",
        received_at=row.received_at,
    )
