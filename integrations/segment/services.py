"""Read the messages of a request: learn from all of them first, then map each."""

from datetime import datetime
from typing import Any

from django.conf import settings

from compliance.normalization import InvalidEmail, normalize_email
from integrations.outcomes import Known, Link, Outcome, Unmappable
from integrations.references import look_up, remember
from integrations.segment.mapping import load_rules
from integrations.segment.messages import Message, links_of, read_message
from integrations.segment.normalization import SOURCE, keys_of, message_to_outcome

ACTOR = "system:segment-webhook"


def read_messages(documents: list[Any], *, now: datetime) -> list[Outcome]:
    """Return what becomes of each message, in order."""
    read = [_read(document) for document in documents]
    messages = [message for message in read if isinstance(message, Message)]
    remember(source=SOURCE, links=[link for one in messages for link in links_of(one)], now=now)
    keys = {key for message in messages for key in keys_of(message)}
    known = look_up(source=SOURCE, keys=keys, actor=ACTOR, now=now) if keys else {}
    remember(source=SOURCE, links=[link for one in messages for link in _links_of_alias(one, known)], now=now)
    return [_map(message, known) if isinstance(message, Message) else message for message in read]


def _read(document: Any) -> Message | Outcome:
    """Return a message that can be learned from and mapped, or the outcome that it has already."""
    try:
        message = read_message(document)
        keys_of(message)
        if message.email:
            normalize_email(message.email)
        links_of(message)
    except Unmappable as error:
        return Outcome(document, reason=error.reason)
    except InvalidEmail:
        return Outcome(document, reason="invalid_email")
    return message


def _map(message: Message, known: dict[str, Known]) -> Outcome:
    try:
        return message_to_outcome(message, rules=load_rules(settings.SEGMENT_MAPPING), known=known)
    except Unmappable as error:
        return Outcome(message.raw, reason=error.reason)


def _links_of_alias(message: Message, known: dict[str, Known]) -> list[Link]:
    """Return for both ids of an alias, or of an identify with two, what only the other was known for."""
    if message.call not in {"alias", "identify"}:
        return []
    keys = [key for key in keys_of(message) if not key.startswith("group:")]
    parties = [known[key] for key in keys if key in known]
    account = next((party.account for party in parties if party.account), None)
    email = next((party.email for party in parties if party.email), "")
    links = []
    for key in keys:
        mine = known.get(key)
        new_account = account if account and not (mine and mine.account) else None
        new_email = "" if mine and mine.email else email
        if new_account or new_email:
            links.append(Link(key, message.occurred_at, account=new_account, email=new_email))
    return links
