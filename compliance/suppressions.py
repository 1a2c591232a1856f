"""Addresses that must not be taken up again, known by a keyed hash only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from compliance import audit, keys
from compliance.models import Subject, Suppression
from compliance.normalization import normalize_email


def is_suppressed(*, email: str) -> bool:
    """Return whether an address is suppressed.

    Raises:
        InvalidEmail: it is not an address.
    """
    address = normalize_email(email)
    return bool(list_suppressed([address]))


def list_suppressed(addresses: Collection[str]) -> set[str]:
    """Return which of these normalised addresses are suppressed."""
    by_hash = {keys.hash_suppressed(address): address for address in addresses}
    found = Suppression.objects.filter(address_hash__in=list(by_hash), lifted_at__isnull=True)
    return {by_hash[bytes(digest)] for digest in found.values_list("address_hash", flat=True)}


def list_barred(subject_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return which persons may not be contacted whatever they said, each with `erased` or `suppressed`."""
    standing = Suppression.objects.filter(address_hash=OuterRef("suppression_hash"), lifted_at__isnull=True)
    barred = Subject.objects.filter(Q(erased_at__isnull=False) | Exists(standing), id__in=subject_ids)
    return {
        subject_id: "suppressed" if erased_at is None else "erased"
        for subject_id, erased_at in barred.values_list("id", "erased_at")
    }


def find_hash(*, subject_id: UUID) -> bytes | None:
    """Return the keyed hash under which a person's address is or would be suppressed; None once erased."""
    digest = Subject.objects.values_list("suppression_hash", flat=True).get(id=subject_id)
    return None if digest is None else bytes(digest)


def suppress_hash(*, digest: bytes, key_id: str, reason: Suppression.Reason, now: datetime) -> bool:
    """Suppress an address of which only the keyed hash is left; False if it is suppressed already."""
    if Suppression.objects.filter(address_hash=digest, lifted_at__isnull=True).exists():
        return False
    Suppression.objects.create(address_hash=digest, hash_key_id=key_id, reason=reason, created_at=now)
    return True


def suppress(*, address: str, reason: Suppression.Reason, now: datetime) -> None:
    """Keep a normalised address from being taken up again, or written to if a living person has it.

    One that stands already is left as it is. Waits for an execution that has begun to check the person,
    and makes the next one wait.
    """
    digest = keys.hash_suppressed(address)
    list(Subject.objects.select_for_update(no_key=True).filter(suppression_hash=digest).values_list("id"))
    entry = Suppression(
        address_hash=digest,
        hash_key_id=keys.get_suppression_key_id(),
        reason=reason,
        created_at=now,
    )
    Suppression.objects.bulk_create([entry], ignore_conflicts=True)


def lift(*, email: str, actor: str, now: datetime) -> None:
    """Lift the suppression of an address, if there is one; its row stays, with the time.

    Raises:
        InvalidEmail: it is not an address.
    """
    digest = keys.hash_suppressed(normalize_email(email))
    for standing in Suppression.objects.select_for_update().filter(address_hash=digest, lifted_at=None):
        standing.lifted_at = now
        standing.save(update_fields=["lifted_at"])
        audit.record(
            [
                audit.AuditEntry(
                    name="suppression.lifted",
                    actor=actor,
                    target_type="suppression",
                    target_id=str(standing.id),
                    at=now,
                )
            ]
        )
