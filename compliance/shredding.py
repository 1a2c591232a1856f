"""The destruction of one person's key, and what must happen with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import audit, erasure, keys, subject_links, suppressions
from compliance.models import Subject, Suppression
from compliance.normalization import normalize_email
from compliance.subjects import ADDRESS, UnknownSubject
from revctx.eventbus.envelope import Event
from revctx.eventbus.outbox import enqueue
from revctx.eventbus.topics import SUBJECT_ERASED


@transaction.atomic
def shred(
    *,
    subject_id: UUID,
    actor: str,
    now: datetime,
    run_erasers: Callable[[UUID], None] = erasure.run_erasers,
) -> bool:
    """Do what ``erasure.erase`` promises; a caller that keeps account of each eraser runs them itself.

    Whoever is on record more than once is erased everywhere.

    Raises:
        UnknownSubject: no such subject.
    """
    # Exclusive, unlike lock_subject: writers that hold the key finish first, later ones find it gone.
    group = subject_links.list_group(subject_id)
    found = {row.id: row for row in Subject.objects.select_for_update().filter(id__in=group).order_by("id")}
    if subject_id not in found:
        raise UnknownSubject("no such person")
    alive = [row for row in found.values() if row.erased_at is None]
    for subject in alive:
        _shred_one(subject, actor=actor, now=now, run_erasers=run_erasers)
    return subject_id in {row.id for row in alive}


def _shred_one(subject: Subject, *, actor: str, now: datetime, run_erasers: Callable[[UUID], None]) -> None:
    _suppress(subject, now=now)
    subject.address_hash = subject.suppression_hash = subject.wrapped_key = subject.sealed_address = None
    subject.erased_at = now
    subject.save(
        update_fields=["address_hash", "suppression_hash", "wrapped_key", "sealed_address", "erased_at"]
    )
    run_erasers(subject.id)
    _tell(subject.id, actor=actor, now=now)


def _suppress(subject: Subject, *, now: datetime) -> None:
    data_key = keys.unwrap_key(bytes(subject.wrapped_key or b""), subject.wrapping_key_id, subject.id)
    sealed = bytes(subject.sealed_address or b"")
    address = normalize_email(keys.open_bytes(data_key, subject.id, sealed, ADDRESS).decode())
    suppressions.suppress(address=address, reason=Suppression.Reason.ERASED, now=now)


def _tell(subject_id: UUID, *, actor: str, now: datetime) -> None:
    audit.record(
        [
            audit.AuditEntry(
                name="subject.erased",
                actor=actor,
                target_type="subject",
                target_id=str(subject_id),
                at=now,
                payload={"erasers": " ".join(erasure.list_erasers())},
            )
        ]
    )
    enqueue(
        [
            Event(
                type=SUBJECT_ERASED,
                key=str(subject_id),
                occurred_at=now,
                data={"subject_id": str(subject_id)},
            )
        ]
    )
