"""Read Segment's messages and what they tell about its ids. Pure.

Source: segmentio/segment-docs, Spec: Common fields, Identify, Track, Page, Screen, Group, Alias.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from integrations.outcomes import Link, Unmappable, instant_of_text, text_of
from signals.normalization import InvalidDraft, normalize_account

CALLS = frozenset({"track", "identify", "page", "screen", "group", "alias"})
_TIMES = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")


@dataclass(frozen=True)
class Message:
    """One message.

    Args:
        call: `track`, `identify`, `page`, `screen`, `group` or `alias`.
        user_key, anonymous_key: keys under which its ids are known; "" where it has none.
        group_id: the group that it names itself; "" when it names none.
        email: the address that it names itself; "" when it names none.
    """

    call: str
    message_id: str
    occurred_at: datetime
    user_key: str
    anonymous_key: str
    group_id: str
    email: str
    raw: Mapping[str, Any]

    @property
    def keys(self) -> list[str]:
        """Return the keys of its ids, the user's first."""
        return [key for key in (self.user_key, self.anonymous_key) if key]


def read_message(document: Any) -> Message:
    """Return one message.

    Raises:
        Unmappable: it lacks what every message has.
    """
    if not isinstance(document, Mapping):
        raise Unmappable("not_an_object")
    call = text_of(document, "type")
    if call not in CALLS:
        raise Unmappable("unknown_call" if call else "missing_type")
    message_id = text_of(document, "messageId")
    if not message_id:
        raise Unmappable("missing_message_id")
    user_id = text_of(document, "userId")
    anonymous_id = text_of(document, "anonymousId")
    return Message(
        call=call,
        message_id=message_id,
        occurred_at=_occurred_at(document),
        user_key=f"user:{user_id}" if user_id else "",
        anonymous_key=f"anonymous:{anonymous_id}" if anonymous_id else "",
        group_id=text_of(document, "groupId") or text_of(part_of(document, "context"), "groupId"),
        email=_email(document, user_id),
        raw=document,
    )


def part_of(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of a message; an empty one when it is missing.

    Raises:
        Unmappable: it is no object.
    """
    part = document.get(name)
    if part is None:
        return {}
    if not isinstance(part, Mapping):
        raise Unmappable(f"invalid_{name}")
    return part


def value_at(document: Any, path: str) -> Any:
    """Return what stands at a dotted path, or None."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def path_of_page(message: Message) -> str:
    """Return the path of a page call, "" when it names none."""
    properties = part_of(message.raw, "properties")
    page = part_of(part_of(message.raw, "context"), "page")
    for place in (properties, page):
        if path := text_of(place, "path", limit=2000):
            return path
        if url := text_of(place, "url", limit=8000):
            return _path(url)
    return ""


def account_of_group(message: Message) -> dict[str, str]:
    """Return the account that a group call describes; traits that are no references are left out.

    Raises:
        Unmappable: the group's id is none.
    """
    traits = part_of(message.raw, "traits")
    account = {"external_id": message.group_id}
    try:
        normalize_account(account)
    except InvalidDraft as error:
        raise Unmappable("invalid_group_id") from error
    for kind, name in (("domain", "domain"), ("name", "name")):
        try:
            account |= normalize_account({kind: str(traits.get(name) or "")})
        except InvalidDraft:
            continue
    return account


def links_of(message: Message) -> list[Link]:
    """Return what an identify or group call tells about its ids.

    Raises:
        Unmappable: a group call without a group that could be an account.
    """
    at = message.occurred_at
    if message.call == "identify" and message.email:
        return [Link(key, at, email=message.email) for key in message.keys]
    if message.call == "group":
        account = account_of_group(message)
        keys = [*message.keys, key_of_group(message.group_id)]
        return [Link(key, at, account=account) for key in keys]
    return []


def key_of_group(group_id: str) -> str:
    """Return the key under which a group is known."""
    return f"group:{group_id}"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return ""


def _occurred_at(document: Mapping[str, Any]) -> datetime:
    for name in _TIMES:
        if document.get(name) is not None:
            return instant_of_text(document[name], name)
    raise Unmappable("missing_timestamp")


def _email(document: Mapping[str, Any], user_id: str) -> str:
    """Return the address in the traits, in the traits of the context, or used as user id."""
    for traits in (part_of(document, "traits"), part_of(part_of(document, "context"), "traits")):
        # A group call's traits are the company's.
        is_company = document.get("type") == "group" and traits is part_of(document, "traits")
        if not is_company and (email := text_of(traits, "email", limit=320)):
            return email
    return user_id if "@" in user_id else ""
