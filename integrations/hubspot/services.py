"""Read the events of a request: learn from all of them first, then map each."""

from datetime import datetime
from typing import Any

from django.conf import settings

from compliance.normalization import InvalidEmail, normalize_email
from integrations.hubspot import privacy
from integrations.hubspot.events import HubSpotEvent, links_of, merge_of, read_event, without_attempt
from integrations.hubspot.mapping import load_rules
from integrations.hubspot.normalization import SOURCE, event_to_outcome, keys_of
from integrations.outcomes import Known, Link, Outcome, Unmappable
from integrations.references import look_up, remember

ACTOR = "system:hubspot-webhook"


def read_events(documents: list[Any], *, now: datetime) -> list[Outcome]:
    """Return what becomes of each event, in order.

    The order within a request means nothing, so a deal's company may be told after its stage.
    """
    read = [_read(document) for document in documents]
    events = [event for event in read if isinstance(event, HubSpotEvent)]
    remember(source=SOURCE, links=[link for event in events for link in links_of(event)], now=now)
    keys = {key for event in events for key in keys_of(event)}
    known = look_up(source=SOURCE, keys=keys, actor=ACTOR, now=now) if keys else {}
    remember(source=SOURCE, links=_links_of_merges(events, known), now=now)
    return [_map(event, known, now) if isinstance(event, HubSpotEvent) else event for event in read]


def _read(document: Any) -> HubSpotEvent | Outcome:
    """Return an event that can be learned from and mapped, or the outcome that it has already."""
    try:
        event = read_event(document)
        keys_of(event)
        for link in links_of(event):
            if link.email:
                normalize_email(link.email)
    except Unmappable as error:
        return Outcome(without_attempt(document), reason=error.reason)
    except InvalidEmail:
        return Outcome(without_attempt(document), reason="invalid_email")
    return event


def _map(event: HubSpotEvent, known: dict[str, Known], now: datetime) -> Outcome:
    try:
        if event.name == privacy.EVENT:
            return privacy.open_request(event, known, actor=ACTOR, now=now)
        return event_to_outcome(event, rules=load_rules(settings.HUBSPOT_MAPPING), known=known)
    except Unmappable as error:
        return Outcome(event.raw, reason=error.reason)


def _links_of_merges(events: list[HubSpotEvent], known: dict[str, Known]) -> list[Link]:
    """Return for what is left after a merge what was known of the parts and not of it."""
    links = []
    for event in events:
        if event.action != "merge" or event.kind not in {"contact", "deal"}:
            continue
        remaining, merged = merge_of(event)
        key = event.key(event.kind, remaining)
        left = known.get(key)
        parts = [known[part] for m in merged if (part := event.key(event.kind, m)) in known]
        account = next((part.account for part in parts if part.account), None)
        email = next((part.email for part in parts if part.email), "")
        if left is not None:
            account, email = (None if left.account else account), ("" if left.email else email)
        if account or email:
            links.append(Link(key, event.occurred_at, account=account, email=email))
    return links
