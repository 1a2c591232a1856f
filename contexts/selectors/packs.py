"""Reads of context packs; whoever is erased or restricted by now is not in them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from compliance.privacy.restrictions import list_hidden
from contexts.contracts import ContextPack, PackFact
from contexts.models import StoredPack
from contexts.pack_content import ReadPack, from_stored, hash_content, hide, list_subjects, name_signals
from signals.selectors import list_signal_facts


class PackNotFound(Exception):
    """No pack has this id."""


def find_pack(pack_id: UUID) -> ContextPack | None:
    """Return a stored pack, or None."""
    row = StoredPack.objects.filter(id=pack_id).first()
    return open_pack(row.content).pack if row else None


def get_pack(pack_id: UUID) -> ContextPack:
    """Return a stored pack. Raises: PackNotFound."""
    return read_pack(pack_id).pack


def read_pack(pack_id: UUID) -> ReadPack:
    """Return a stored pack and whether it is still whole. Raises: PackNotFound."""
    row = StoredPack.objects.filter(id=pack_id).first()
    if row is None:
        raise PackNotFound(str(pack_id))
    return open_pack(row.content)


def open_pack(content: Mapping[str, Any]) -> ReadPack:
    """Return the pack of a stored form, without those who are erased or restricted now."""
    return open_packs([content])[0]


def open_packs(contents: Sequence[Mapping[str, Any]]) -> list[ReadPack]:
    """Return the packs of many stored forms, in as many queries as for one."""
    wanted = [signal_id for content in contents for signal_id in name_signals(content)]
    facts = list_signal_facts(signal_ids=wanted) if wanted else {}
    attributes = {signal_id: fact.attributes for signal_id, fact in facts.items()}
    whole = [from_stored(content, attributes) for content in contents]
    hidden = list_hidden({person for pack in whole for person in list_subjects(pack)})
    found = []
    for pack in whole:
        shown, count = hide(pack, hidden)
        is_intact = hash_content(pack) == pack.content_hash
        found.append(ReadPack(pack=shown, hidden=count, intact=is_intact))
    return found


def list_evidence(contents: Iterable[Mapping[str, Any]]) -> list[tuple[PackFact, ...]]:
    """Return the facts of each stored pack, the most points first, for lists that show no more than these.

    Without those of persons who are erased or restricted now; `attributes` is empty, for no signal is read.
    """
    packs = [from_stored(content, {}) for content in contents]
    hidden = list_hidden({person for pack in packs for person in list_subjects(pack)})
    shown = (hide(pack, hidden)[0].facts for pack in packs)
    return [tuple(sorted(facts, key=lambda fact: -fact.points)) for facts in shown]
