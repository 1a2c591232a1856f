"""Which key a verification trusts, and which others follow from it."""

from __future__ import annotations

from django.conf import settings

from compliance.sealing.anchors import Anchors
from compliance.sealing.findings import Finding, Report
from compliance.sealing.keys import InvalidNote, KeyRing, PublicKey, Rotation, Signer
from compliance.sealing.models import AuditKey


class NoKey(Exception):
    """There is no key to verify with: nothing was ever sealed."""


def find_trusted_key(*, pinned: PublicKey | None, anchors: Anchors | None) -> tuple[PublicKey, str]:
    """Return the key that stands outside of the database, if there is one, and where it came from.

    Raises:
        NoKey: no key is known anywhere.
    """
    if pinned is not None:
        return pinned, "pinned"
    if anchors is not None and (first := anchors.read_first_key()):
        return PublicKey.parse(first), "anchors"
    if settings.AUDIT_SIGNING_KEY:
        return Signer(settings.AUDIT_SIGNING_KEY).public, "settings"
    stored = AuditKey.objects.order_by("id").first()
    if stored is None:
        raise NoKey("nothing was sealed yet and no public key is given")
    return PublicKey.parse(stored.public_key), "database"


def make_ring(*, trusted: PublicKey, anchors: Anchors | None, report: Report) -> KeyRing:
    """Follow the rotations of database and anchors from the trusted key; report what does not fit."""
    stored = list(AuditKey.objects.order_by("id"))
    notes = [key.rotation for key in stored if key.rotation]
    notes += [note for note in (anchors.read_rotations() if anchors else []) if note not in notes]
    rotations = []
    for note in notes:
        try:
            rotations.append(Rotation.parse(note))
        except InvalidNote as error:
            report.add(Finding("bad_rotation", str(error)))
    ring = KeyRing(trusted, rotations)
    for key in stored:
        span = ring.spans.get(key.key_id)
        if span is None or str(span.key) != key.public_key:
            report.add(Finding("unknown_key", f"key {key.key_id} is not vouched for by {trusted.id}"))
    return ring
