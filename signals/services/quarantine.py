"""Keep what a webhook sent and nobody understood, so that nothing disappears."""

import re
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from compliance import audit, subjects
from compliance.normalization import normalize_email
from revctx.observability.context import get_request_id
from revctx.observability.metrics import SIGNALS_PROCESSED
from signals.identifiers import new_signal_id
from signals.models import QuarantinedPayload
from signals.normalization import source_label

MAX_PERSONS = 50  # a payload that names more is a list of addresses, of which nothing is kept
_ADDRESS = re.compile(rb"[^\s\"'<>()\[\],;:\\@]{1,64}@[^\s\"'<>()\[\],;:\\@]{1,190}")

log = structlog.get_logger(__name__)


@transaction.atomic
def quarantine(*, source: str, reason: str, payload: bytes, now: datetime) -> UUID:
    """Seal a payload and record that it waits.

    `source` names the door that it came through; `reason` is a short word and carries nothing of the payload.
    One that names a person by address is sealed under that person's key, so that an erasure reaches it; one
    that names several, under the month's, and dies with the first of them; one that names somebody who is
    suppressed is not kept, only that it came.
    """
    payload_id = new_signal_id(received_at=now)
    persons = _find_persons(payload, now=now)
    sealed = None
    if persons is not None:
        owner = persons[0] if len(persons) == 1 else None
        [sealed] = subjects.seal(items=[(owner, payload, payload_id.bytes)], now=now)
    QuarantinedPayload.objects.create(
        id=payload_id,
        source=source,
        reason=reason,
        sealed=sealed,
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


def erase_quarantined(subject_id: UUID) -> None:
    """Drop the bodies of the payloads that name a person."""
    QuarantinedPayload.objects.filter(subject_ids__contains=[subject_id]).update(sealed=None)


def remove_quarantined(before: datetime) -> int:
    """Drop the bodies of payloads received before an instant; that they came stays recorded."""
    old = QuarantinedPayload.objects.filter(received_at__lt=before, sealed__isnull=False)
    return old.update(sealed=None, state=QuarantinedPayload.State.RESOLVED)


def _find_persons(payload: bytes, *, now: datetime) -> list[UUID] | None:
    """Return the persons whose addresses stand in a payload; None when it must not be kept."""
    emails: dict[str, str] = {}
    text = payload.replace(b"\\u0040", b"@")  # the one escape under which an address could hide
    for match in _ADDRESS.finditer(text):
        try:
            email = match.group().decode()
            emails[normalize_email(email)] = email
        except (UnicodeDecodeError, subjects.InvalidEmail):
            continue
        if len(emails) > MAX_PERSONS:
            return None
    found = subjects.ensure_subjects(emails=emails.values(), now=now)
    return sorted(found.values()) if len(found) == len(emails) else None


def _count(source: str, reason: str) -> None:
    SIGNALS_PROCESSED.labels(source=source_label(source), type="other", status="quarantined").inc()
    log.info("signal.quarantined", source=source, reason=reason)
