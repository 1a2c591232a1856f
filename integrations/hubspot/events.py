"""Read HubSpot's events and what they tell about its ids. Pure.

Source: developers.hubspot.com, "Webhooks": one request carries up to 100 events in an array; `eventId` is not
unique by itself, and `attemptNumber` counts the deliveries of one event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.outcomes import Link, Unmappable, instant_of_milliseconds, text_of

# The generic subscriptions name the object by number instead of in the event's name.
_OBJECTS = {"0-1": "contact", "0-2": "company", "0-3": "deal"}
_ID_DIGITS = 20


@dataclass(frozen=True)
class HubSpotEvent:
    """One event.

    Args:
        kind: `contact`, `company`, `deal` or another object's name.
        action: `creation`, `propertyChange`, `merge`, `associationChange`, `privacyDeletion`, …
        object_id: the object's id in its portal.
        raw: the event as it came, without the number of the attempt.
    """

    kind: str
    action: str
    portal_id: str
    object_id: str
    occurred_at: datetime
    natural_key: str
    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the event's name, such as `deal.creation`."""
        return f"{self.kind}.{self.action}"

    def key(self, kind: str, object_id: str) -> str:
        """Return the key under which an object of the event's portal is known."""
        return f"{self.portal_id}:{kind}:{object_id}"


def without_attempt(event: Any) -> Any:
    """Return an event without the number of the attempt, which differs between deliveries of it."""
    if not isinstance(event, Mapping):
        return event
    return {name: value for name, value in event.items() if name != "attemptNumber"}


def read_event(document: Any) -> HubSpotEvent:
    """Return one event of the array.

    Raises:
        Unmappable: it lacks what every event has.
    """
    if not isinstance(document, Mapping):
        raise Unmappable("not_an_object")
    kind, _, action = _needed(document, "subscriptionType").partition(".")
    if kind == "object":
        kind = _OBJECTS.get(text_of(document, "objectTypeId"), kind)
    is_association = action == "associationChange"
    object_id = id_of(document, "fromObjectId" if is_association else "objectId")
    identity = [kind, action, object_id, text_of(document, "propertyName")]
    if is_association:
        identity += [id_of(document, "toObjectId"), text_of(document, "associationType")]
    numbers = [_needed(document, name) for name in ("portalId", "subscriptionId", "eventId", "occurredAt")]
    return HubSpotEvent(
        kind=kind,
        action=action,
        portal_id=numbers[0],
        object_id=object_id,
        occurred_at=instant_of_milliseconds(document.get("occurredAt"), "occurredAt"),
        natural_key=":".join([*numbers, *identity]),
        raw=without_attempt(document),
    )


def id_of(document: Mapping[str, Any], name: str) -> str:
    """Return an object's id, which HubSpot writes as a number or as digits.

    Raises:
        Unmappable: it is none.
    """
    text = _needed(document, name)
    if not text.isascii() or not text.isdigit() or len(text) > _ID_DIGITS:
        raise Unmappable("invalid_object_id")
    return text


def merge_of(event: HubSpotEvent) -> tuple[str, list[str]]:
    """Return the object that is left after a merge, and those that went into it.

    Raises:
        Unmappable: the event does not say.
    """
    primary = id_of(event.raw, "primaryObjectId")
    new = id_of(event.raw, "newObjectId") if event.raw.get("newObjectId") is not None else primary
    merged = event.raw.get("mergedObjectIds")
    if not isinstance(merged, list) or not 0 < len(merged) <= 100:
        raise Unmappable("invalid_merged_object_ids")
    ids = {id_of({"mergedObjectIds": value}, "mergedObjectIds") for value in merged} | {primary}
    return new, sorted(ids - {new})


def links_of(event: HubSpotEvent) -> list[Link]:
    """Return what an event tells about its portal's ids: whose company, whose address.

    Only a primary association counts, for an account is one company.

    Raises:
        Unmappable: an association without its ids.
    """
    if event.name == "contact.propertyChange" and event.raw.get("propertyName") == "email":
        email = text_of(event.raw, "propertyValue", limit=320)
        return [Link(event.key("contact", event.object_id), event.occurred_at, email=email)] if email else []
    if event.action != "associationChange" or event.raw.get("isPrimaryAssociation") is not True:
        return []
    kind, _, target = text_of(event.raw, "associationType").lower().partition("_to_")
    from_id, to_id = event.object_id, id_of(event.raw, "toObjectId")
    if kind == "company":
        kind, target, from_id, to_id = target, kind, to_id, from_id
    if target != "company" or kind not in {"contact", "deal"}:
        return []
    account = {} if event.raw.get("associationRemoved") is True else {"crm_id": to_id}
    return [Link(event.key(kind, from_id), event.occurred_at, account=account)]


def _needed(document: Mapping[str, Any], name: str) -> str:
    text = text_of(document, name)
    if not text:
        raise Unmappable(f"missing_{name.lower()}")
    return text
