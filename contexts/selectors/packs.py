"""Reads of stored context packs."""

from uuid import UUID

from contexts.contracts import ContextPack
from contexts.models import StoredPack


class PackNotFound(Exception):
    """No pack has this id."""


def find_pack(pack_id: UUID) -> ContextPack | None:
    """Return a stored pack, or None."""
    row = StoredPack.objects.filter(id=pack_id).first()
    return ContextPack.from_dict(row.content) if row else None


def get_pack(pack_id: UUID) -> ContextPack:
    """Return a stored pack. Raises: PackNotFound."""
    pack = find_pack(pack_id)
    if pack is None:
        raise PackNotFound(str(pack_id))
    return pack
