"""A context pack as it is stored, hashed, and read again after its evidence changed. Pure."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from contexts.contracts import ContextPack
from contexts.prompts import print_compact


@dataclass(frozen=True, kw_only=True)
class ReadPack:
    """A pack as it may be read now.

    `hidden` counts what is left out because its person is erased or restricted by now. `intact` says that
    all it was made of is still there and gives its hash.
    """

    pack: ContextPack
    hidden: int
    intact: bool


def hash_content(pack: ContextPack) -> str:
    """Return SHA-256 (hex) of everything in the pack but its id and hash."""
    content = pack.to_dict()
    del content["id"], content["content_hash"]
    return hashlib.sha256(print_compact(content).encode()).hexdigest()


def to_stored(pack: ContextPack) -> dict[str, Any]:
    """Return the form for the table: what signals say stays with them, here are their ids."""
    content = pack.to_dict()
    for fact in content["facts"]:
        del fact["attributes"]
    return content


def name_signals(content: Mapping[str, Any]) -> list[UUID]:
    """Return the signals whose attributes a stored pack needs to be whole."""
    bare = (fact for fact in content["facts"] if "attributes" not in fact)
    return [UUID(fact["signal_ids"][0]) for fact in bare if fact["signal_ids"]]


def from_stored(content: Mapping[str, Any], attributes: Mapping[UUID, dict[str, Any]]) -> ContextPack:
    """Return the whole pack; a fact whose signal is gone has no attributes any more."""
    facts = []
    for fact in content["facts"]:
        newest = UUID(fact["signal_ids"][0]) if fact["signal_ids"] else None
        told = attributes.get(newest, {}) if newest else {}
        facts.append({"attributes": told} | fact)
    return ContextPack.from_dict({**content, "facts": facts})


def list_subjects(pack: ContextPack) -> set[UUID]:
    """Return every person in a pack."""
    named = {fact.subject_id for fact in pack.facts if fact.subject_id}
    named |= {item.subject_id for item in pack.excluded if item.subject_id}
    named |= {contact.subject_id for contact in pack.contacts}
    touched = (pack.last_touch or {}).get("subject_id")
    return named | ({UUID(touched)} if touched else set())


def hide(pack: ContextPack, subjects: Collection[UUID]) -> tuple[ContextPack, int]:
    """Return the pack without anything of these persons, and how many entries that took away."""
    touched = (pack.last_touch or {}).get("subject_id")
    kept = replace(
        pack,
        contacts=tuple(item for item in pack.contacts if item.subject_id not in subjects),
        facts=tuple(item for item in pack.facts if item.subject_id not in subjects),
        excluded=tuple(item for item in pack.excluded if item.subject_id not in subjects),
        last_touch=None if touched and UUID(touched) in subjects else pack.last_touch,
    )
    return kept, _count(pack) - _count(kept)


def _count(pack: ContextPack) -> int:
    return len(pack.contacts) + len(pack.facts) + len(pack.excluded) + (pack.last_touch is not None)
