"""Handing the sealing over to a new key."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from compliance import audit
from compliance.sealing import tree
from compliance.sealing.keys import Rotation, Signer
from compliance.sealing.models import AuditKey

ROTATED = "audit_key.rotated"


class NotRotatable(Exception):
    """The old key is not the one that seals now, or the new one was used before."""


def rotate_key(*, old: Signer, new: Signer, actor: str, now: datetime) -> Rotation:
    """Record that ``new`` seals from the next leaf on, signed by both keys; ``old`` seals no more.

    Raises:
        NotRotatable: ``old`` is not the sealing key, or ``new`` was one before.
    """
    with transaction.atomic():
        tree.lock_head()  # no seal may slip in between the size that is read here and the record
        if AuditKey.objects.order_by("-id").values_list("key_id", flat=True).first() != old.public.id:
            raise NotRotatable(f"{old.public.id} is not the key that seals now")
        if AuditKey.objects.filter(key_id=new.public.id).exists():
            raise NotRotatable(f"{new.public.id} was in use before")
        head = tree.find_head()
        rotation = Rotation.make(old=old, new=new, size=head.size if head else 0)
        AuditKey.objects.create(
            key_id=new.public.id, public_key=str(new.public), rotation=rotation.note, added_at=now
        )
        audit.record(
            [
                audit.AuditEntry(
                    name=ROTATED,
                    actor=actor,
                    target_type="audit_key",
                    target_id=new.public.id,
                    at=now,
                    payload={"old": old.public.id, "size": rotation.size},
                )
            ]
        )
    return rotation
