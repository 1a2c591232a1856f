"""Turn HubSpot's events into drafts. Pure."""

from collections.abc import Mapping

from integrations.hubspot.events import HubSpotEvent, merge_of
from integrations.hubspot.mapping import HubSpotRules
from integrations.outcomes import NOBODY, Known, Outcome, Unmappable, text_of
from signals.contracts import PersonDraft, SignalDraft

SOURCE = "hubspot"


def keys_of(event: HubSpotEvent) -> list[str]:
    """Return the keys of the objects of which earlier events may have told whose they are."""
    if event.kind not in {"contact", "deal"}:
        return []
    ids = [event.object_id]
    if event.action == "merge":
        remaining, merged = merge_of(event)
        ids = [remaining, *merged]
    return [event.key(event.kind, object_id) for object_id in ids]


def event_to_outcome(event: HubSpotEvent, *, rules: HubSpotRules, known: Mapping[str, Known]) -> Outcome:
    """Return what becomes of an event; `known` maps the keys of `keys_of` to what is known.

    Raises:
        Unmappable: with the reason.
    """
    if event.action == "merge" and event.kind in {"contact", "company"}:
        return _merge(event, known)
    if event.action == "propertyChange":
        return _property_change(event, rules, known)
    if event.name in rules.events:
        return Outcome(event.raw, _draft(event, rules.events[event.name], _whose(event, known)))
    if event.name in rules.noted or event.action in {"associationChange", "merge"}:
        return Outcome(event.raw)
    raise Unmappable("unmapped_event")


def _property_change(event: HubSpotEvent, rules: HubSpotRules, known: Mapping[str, Known]) -> Outcome:
    name, value = text_of(event.raw, "propertyName"), text_of(event.raw, "propertyValue", limit=2000)
    if (event.kind, name) == ("contact", "email"):
        return Outcome(event.raw)  # it told who the contact is
    rule = rules.find_property(event.kind, name)
    if rule is None:
        raise Unmappable("unmapped_property")
    if value in rule.noted:
        return Outcome(event.raw)
    meaning = rule.values.get(value)
    if meaning is None:
        raise Unmappable("unmapped_value")
    attributes = {"stage": meaning.stage} if meaning.stage else {}
    return Outcome(event.raw, _draft(event, meaning.type, _whose(event, known), attributes))


def _merge(event: HubSpotEvent, known: Mapping[str, Known]) -> Outcome:
    remaining, merged = merge_of(event)
    if event.kind == "company":
        whose, kind = Known(account={"crm_id": remaining}), "account_merged"
    else:
        parties = [known.get(event.key("contact", party), NOBODY) for party in (remaining, *merged)]
        whose = next((party for party in parties if party.account), NOBODY)
        email = next((party.email for party in parties if party.email), "")
        whose, kind = Known(account=whose.account, email=email), "contact_merged"
    return Outcome(event.raw, _draft(event, kind, whose, {"count": len(merged)}))


def _whose(event: HubSpotEvent, known: Mapping[str, Known]) -> Known:
    if event.kind == "company":
        return Known(account={"crm_id": event.object_id})
    return known.get(event.key(event.kind, event.object_id), NOBODY)


def _draft(
    event: HubSpotEvent, signal_type: str, whose: Known, attributes: Mapping[str, str | int] | None = None
) -> SignalDraft:
    if not whose.account:
        raise Unmappable("no_account")
    return SignalDraft(
        source=SOURCE,
        type=signal_type,
        external_id=f"{event.portal_id}:{event.kind}:{event.object_id}",
        occurred_at=event.occurred_at,
        account=whose.account,
        person=PersonDraft(whose.email) if whose.email else None,
        attributes=attributes or {},
        sealed={"payload": event.raw},
        natural_key=event.natural_key,
    )
