"""The part of a context pack that a model reads, and what it costs. Pure: ids become p1, s1."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from contexts.contracts import ContextPack, PackContact, PackFact
from contexts.tokens import estimate_tokens

# As long as any reference that a pack can hold, for the number is known only when all are chosen.
_LONGEST = "s999"


def render_prompt(pack: ContextPack) -> str:
    """Return the pack as compact JSON; `pack.tokens` counts exactly this text."""
    persons = name_persons(pack.contacts)
    return print_compact(
        {
            "account": {name: _short(value) for name, value in pack.account.items()},
            "people": [_person(contact, persons) for contact in pack.contacts],
            "open_deals": [{"stage": deal.stage, "since": _minute(deal.since)} for deal in pack.open_deals],
            "last_touch": _touch(pack.last_touch),
            "facts": [_fact(fact, persons) for fact in pack.facts],
        }
    )


def count_tokens(pack: ContextPack) -> int:
    """Return what the pack costs a model that reads it."""
    return estimate_tokens(render_prompt(pack))


def cost_of_fact(fact: PackFact, persons: Mapping[UUID, str]) -> int:
    """Return what one more fact costs, its comma included."""
    return estimate_tokens(print_compact(_fact(fact, persons) | {"ref": _LONGEST})) + 1


def cost_of_contact(contact: PackContact) -> int:
    """Return what one more person costs."""
    return estimate_tokens(print_compact(_person(contact, {contact.subject_id: "p999"}))) + 1


def name_persons(contacts: tuple[PackContact, ...]) -> dict[UUID, str]:
    """Return the short names under which people stand in the text."""
    return {contact.subject_id: f"p{number}" for number, contact in enumerate(contacts, start=1)}


def print_compact(content: Any) -> str:
    """Return JSON without spaces, its keys in order."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _person(contact: PackContact, persons: Mapping[UUID, str]) -> dict[str, Any]:
    consent = "allowed" if contact.consent_allowed else contact.consent_reason
    return {"ref": persons[contact.subject_id], "role": contact.title_class, "consent": consent}


def _fact(fact: PackFact, persons: Mapping[UUID, str]) -> dict[str, Any]:
    told = {
        "ref": fact.ref,
        "what": fact.label,
        "type": fact.type,
        "times": fact.signal_count,
        "person": persons.get(fact.subject_id, "other") if fact.subject_id else None,
        "at": _minute(fact.occurred_at),
        "points": round(fact.points, 1),
        "attributes": fact.attributes,
    }
    return {name: value for name, value in told.items() if value not in (None, {})}


def _touch(last_touch: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if last_touch is None:
        return None
    return {"type": last_touch["type"], "at": _minute(datetime.fromisoformat(last_touch["at"]))}


def _short(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="minutes")
