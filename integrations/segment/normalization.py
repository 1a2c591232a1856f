"""Turn Segment's messages into drafts. Pure."""

from collections.abc import Mapping
from typing import Any

from integrations.outcomes import Known, Outcome, Unmappable, text_of
from integrations.segment.mapping import SegmentRules
from integrations.segment.messages import Message, key_of_group, part_of, path_of_page, value_at
from signals.contracts import PersonDraft, SignalDraft
from signals.normalization import slug

SOURCE = "segment"


def keys_of(message: Message) -> list[str]:
    """Return the keys of which earlier messages may have told whose they are."""
    keys = list(message.keys)
    if message.group_id:
        keys.append(key_of_group(message.group_id))
    if message.call == "alias" and (previous := text_of(message.raw, "previousId")):
        keys += [f"user:{previous}", f"anonymous:{previous}"]
    return keys


def message_to_outcome(message: Message, *, rules: SegmentRules, known: Mapping[str, Known]) -> Outcome:
    """Return what becomes of a message; `known` maps the keys of `keys_of` to what is known.

    Raises:
        Unmappable: with the reason.
    """
    if message.call in {"identify", "group", "alias"}:
        return Outcome(message.raw)
    signal_type = _type(message, rules)
    if signal_type is None:
        return Outcome(message.raw)
    account, email = _whose(message, known)
    if not account:
        raise Unmappable("no_account")
    draft = SignalDraft(
        source=SOURCE,
        type=signal_type,
        external_id=message.message_id,
        occurred_at=message.occurred_at,
        account=account,
        person=_person(message, email),
        attributes=_attributes(message, rules),
        sealed={"payload": message.raw},
    )
    return Outcome(message.raw, draft)


def _type(message: Message, rules: SegmentRules) -> str | None:
    """Return the signal type, or None for an event that tells nothing about buying."""
    if message.call == "page":
        return rules.type_of_path(path_of_page(message))
    if message.call == "screen":
        return rules.screen
    event = slug(text_of(message.raw, "event"))
    if not event:
        raise Unmappable("missing_event")
    if event in rules.noted:
        return None
    if event not in rules.events:
        raise Unmappable("unmapped_event")
    return rules.events[event]


def _whose(message: Message, known: Mapping[str, Known]) -> tuple[Mapping[str, str], str]:
    """Return account and address: what the message says itself, else what its ids are known for."""
    parties = [known[key] for key in message.keys if key in known]
    if message.group_id:
        group = known.get(key_of_group(message.group_id))
        account: Mapping[str, str] = (group.account if group else {}) or {"external_id": message.group_id}
    else:
        account = next((party.account for party in parties if party.account), {})
    return account, message.email or next((party.email for party in parties if party.email), "")


def _person(message: Message, email: str) -> PersonDraft | None:
    if not email:
        return None
    traits = part_of(part_of(message.raw, "context"), "traits")
    names = [text_of(traits, name) for name in ("firstName", "lastName")]
    return PersonDraft(
        email=email,
        name=text_of(traits, "name") or " ".join(name for name in names if name)[:200],
        title=text_of(traits, "title"),
    )


def _attributes(message: Message, rules: SegmentRules) -> dict[str, Any]:
    found = {}
    for name, places in rules.attributes.items():
        values = (value_at(message.raw, place) for place in places)
        value = next((value for value in values if value is not None), None)
        if value is not None:
            found[name] = value
    return found
