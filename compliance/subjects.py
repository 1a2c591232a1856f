"""Persons behind random ids: find, create, seal and open. Only this module sees an address."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

from django.db import connection, transaction

from compliance import audit, keyring, keys, subject_links
from compliance.keyring import HeldKeys, SubjectErased, hold_keys
from compliance.keys import SealBroken
from compliance.models import Subject
from compliance.normalization import InvalidEmail, normalize_email
from compliance.suppressions import list_suppressed

__all__ = [
    "HeldKeys",
    "InvalidEmail",
    "SealBroken",
    "SubjectErased",
    "UnknownSubject",
    "ensure_subjects",
    "find_subject",
    "fingerprint",
    "get_address",
    "hold_keys",
    "list_domains",
    "list_erased",
    "lock_subject",
    "matches_fingerprint",
    "open_sealed",
    "seal",
]

IDS_PER_AUDIT_ROW = 100
ADDRESS = b"subject/address"
_HOLD_BY_HASH = """
SELECT id, address_hash FROM subjects WHERE address_hash = ANY(%s) ORDER BY id FOR KEY SHARE
"""


class UnknownSubject(LookupError):
    """No person is known by that address or id. The message never names either."""


@transaction.atomic
def ensure_subjects(*, emails: Iterable[str], now: datetime) -> dict[str, UUID]:
    """Return the subject of each address, keyed by the address as given; creates the missing ones.

    Suppressed addresses are left out of the result: the caller drops the person and keeps the rest.
    The subjects returned cannot be erased before the caller's transaction ends.

    Raises:
        InvalidEmail: one of them is not an address.
    """
    normalized = {email: normalize_email(email) for email in emails}
    given = {address: email for email, address in normalized.items()}
    hashes = {address: keys.hash_address(address) for address in given}
    allowed = set(given) - list_suppressed(given)
    found = _hold_by_hash([hashes[address] for address in allowed])
    missing = {hashes[a]: (a, given[a]) for a in allowed if hashes[a] not in found}
    if missing:
        found |= _create(missing, now=now)
        # An erasure may have ended between the first look at the suppressions and the insert.
        _drop({hashes[address] for address in list_suppressed(allowed)} & set(missing), found)
    return {
        email: found[hashes[address]] for email, address in normalized.items() if hashes[address] in found
    }


def find_subject(*, email: str) -> UUID | None:
    """Return the subject of an address, or None.

    Raises:
        InvalidEmail: it is not an address.
    """
    digest = keys.hash_address(normalize_email(email))
    return Subject.objects.filter(address_hash=digest).values_list("id", flat=True).first()


def seal(*, items: Sequence[tuple[UUID | None, bytes, bytes]], now: datetime) -> list[bytes]:
    """Encrypt rows of (subject or None, plaintext, associated data), in order.

    The associated data names the row, so that a value moved elsewhere does not open. Rows without a
    subject are sealed under the key of the month of ``now``.

    Raises:
        SubjectErased: a subject is erased or unknown.
    """
    return hold_keys(subject_ids=[item[0] for item in items], now=now).seal(items)


@transaction.atomic
def open_sealed(
    *, items: Sequence[tuple[UUID | None, bytes, bytes]], actor: str, purpose: str, now: datetime
) -> list[bytes | None]:
    """Decrypt rows of (subject or None, sealed, associated data), in order; audited.

    A row whose key was destroyed gives None.

    Raises:
        SealBroken: a row was altered, moved, or given other associated data.
    """
    if not items:
        return []
    owners = [_owner(subject_id, keys.read_header(sealed)) for subject_id, sealed, _ in items]
    data_keys = keyring.read_keys(set(owners))
    opened = [
        keys.open_bytes(data_keys[owner], owner, sealed, associated) if owner in data_keys else None
        for owner, (_, sealed, associated) in zip(owners, items, strict=True)
    ]
    _record_opening([item[0] for item in items], actor=actor, purpose=purpose, now=now)
    return opened


def get_address(*, subject_ids: Collection[UUID], actor: str, purpose: str, now: datetime) -> dict[UUID, str]:
    """Return the addresses of the subjects that are not erased; audited."""
    rows = Subject.objects.filter(id__in=subject_ids, sealed_address__isnull=False).values_list(
        "id", "sealed_address"
    )
    items = [(subject_id, bytes(sealed), ADDRESS) for subject_id, sealed in rows if sealed is not None]
    opened = open_sealed(items=items, actor=actor, purpose=purpose, now=now)
    return {
        subject_id: address.decode()
        for (subject_id, _, _), address in zip(items, opened, strict=True)
        if address is not None
    }


def list_domains(*, subject_ids: Collection[UUID], actor: str, now: datetime) -> dict[UUID, str]:
    """Return the part behind the @ of the addresses of subjects that are not erased; audited."""
    if not subject_ids:
        return {}
    found = get_address(subject_ids=subject_ids, actor=actor, purpose="account_matching", now=now)
    return {pk: normalize_email(address).rpartition("@")[2] for pk, address in found.items()}


def fingerprint(*, items: Sequence[tuple[UUID | None, bytes]], now: datetime) -> list[bytes]:
    """Return keyed hashes (36 bytes) of rows of (subject or None, content), in order.

    Rows without a subject are hashed under the key of the month of ``now``; to compare with one made
    earlier use ``matches_fingerprint``, which takes the key of the month that the stored one names.

    Raises:
        SubjectErased: a subject is erased or unknown.
    """
    return hold_keys(subject_ids=[item[0] for item in items], now=now).fingerprint(items)


def matches_fingerprint(*, items: Sequence[tuple[UUID | None, bytes, bytes]]) -> list[bool]:
    """Return for rows of (subject or None, content, stored fingerprint) whether they agree, in order.

    A fingerprint whose key was destroyed agrees with nothing.
    """
    owners = [_owner(subject_id, keys.read_header(stored)) for subject_id, _, stored in items]
    data_keys = keyring.read_keys(set(owners))
    return [
        owner in data_keys
        and hmac.compare_digest(keys.fingerprint_bytes(data_keys[owner], owner, content), stored)
        for owner, (_, content, stored) in zip(owners, items, strict=True)
    ]


def list_erased(subject_ids: Collection[UUID]) -> set[UUID]:
    """Return which of the ids belong to erased persons."""
    if not subject_ids:
        return set()
    return set(
        Subject.objects.filter(id__in=subject_ids, erased_at__isnull=False).values_list("id", flat=True)
    )


def lock_subject(subject_id: UUID) -> bool:
    """Lock the person's rows until the transaction ends; return whether the person is not erased.

    Consent changes, erasure and execution take this lock, so none can slip between another's check and
    its effect. Writers of signals are not held up.

    Raises:
        UnknownSubject: no such subject.
        django.db.transaction.TransactionManagementError: no transaction is open.
    """
    # NO KEY: whoever holds the key (ensure_subjects, seal) can go on to lock without a deadlock.
    # All who are one person, in order of id: what one of them withdraws must wait for the others' effects.
    group = subject_links.list_group(subject_id)
    locked = Subject.objects.select_for_update(no_key=True).filter(id__in=group).order_by("id")
    erased = dict(locked.values_list("id", "erased_at"))
    if subject_id not in erased:
        raise UnknownSubject("no such person")
    return erased[subject_id] is None


def _hold_by_hash(digests: Iterable[bytes]) -> dict[bytes, UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_BY_HASH, [list(digests)])
        return {bytes(digest): subject_id for subject_id, digest in cursor.fetchall()}


def _create(missing: Mapping[bytes, tuple[str, str]], *, now: datetime) -> dict[bytes, UUID]:
    """Insert subjects for hashes of (normalised address, address as given) that have none.

    Concurrent writers of one address make one row.
    """
    rows = []
    # In one order everywhere, so that two batches with common addresses cannot block each other.
    for digest, (address, email) in sorted(missing.items()):
        subject_id, data_key = uuid4(), keys.make_data_key()
        rows.append(
            Subject(
                id=subject_id,
                address_hash=digest,
                hash_key_id=keys.get_hash_key_id(),
                suppression_hash=keys.hash_suppressed(address),
                wrapped_key=keys.wrap_key(data_key, subject_id),
                wrapping_key_id=keys.get_wrapping_key_id(),
                sealed_address=keys.seal_bytes(data_key, subject_id, email.strip().encode(), ADDRESS),
                created_at=now,
            )
        )
    Subject.objects.bulk_create(rows, ignore_conflicts=True)
    return _hold_by_hash(list(missing))


def _drop(digests: Collection[bytes], found: dict[bytes, UUID]) -> None:
    """Take back subjects that this transaction created and nobody else can see yet."""
    mine = [found.pop(digest) for digest in digests if digest in found]
    Subject.objects.filter(id__in=mine).delete()


def _owner(subject_id: UUID | None, month: date | None) -> keys.KeyOwner:
    """Return whose key a stored value needs; it must agree with the row it stands in."""
    if subject_id is not None and month is None:
        return subject_id
    if subject_id is None and month is not None:
        return month
    raise SealBroken("a sealed value stands in a row that it was not made for")


def _record_opening(subject_ids: Sequence[UUID | None], *, actor: str, purpose: str, now: datetime) -> None:
    """Write one audit row a call (a further one for every hundred persons)."""
    ids = sorted({str(s) for s in subject_ids if s is not None})
    chunks = [ids[n : n + IDS_PER_AUDIT_ROW] for n in range(0, len(ids), IDS_PER_AUDIT_ROW)] or [[]]
    audit.record(
        [
            audit.AuditEntry(
                name="subject.opened",
                actor=actor,
                target_type="subject",
                target_id=chunk[0] if len(chunk) == 1 else "",
                at=now,
                payload={"purpose": purpose, "subject_ids": " ".join(chunk), "values": len(subject_ids)},
            )
            for chunk in chunks
        ]
    )
