"""Read Outbound Messages, which are SOAP 1.1 envelopes. Pure.

Source: Salesforce SOAP API Developer Guide, "Outbound Messaging" (notifications, notificationsResponse).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_NOTIFICATIONS = 100
MAX_DEPTH = 32
_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

ACKNOWLEDGEMENT = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)


class InvalidEnvelope(ValueError):
    """Not an Outbound Message; the text says what is wrong and repeats nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One record as it was when it was sent.

    Args:
        id: repeated on a retry.
        kind: the object's type, such as `Opportunity`; empty when the message names none.
        fields: name → text, None where it was nil.
        raw: this notification alone: the envelope also carries a session id, which is kept nowhere.
    """

    id: str
    kind: str
    fields: dict[str, str | None]
    raw: bytes


@dataclass(frozen=True, kw_only=True)
class OutboundMessage:
    """The notifications of one request, and the organisation that says it sent them."""

    organization_id: str
    notifications: list[Notification]


def read_envelope(raw: bytes) -> OutboundMessage:
    """Return what a request carries.

    Document types, entities and external references are refused before they are read.

    Raises:
        InvalidEnvelope: it is none, or has no or more than 100 notifications.
    """
    try:
        root = fromstring(raw, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidEnvelope("not well-formed, or with a document type") from error
    if any(depth > MAX_DEPTH for depth in _depths(root)):
        raise InvalidEnvelope("too deep")
    body = root.find(f"{_SOAP}Body/{_OUTBOUND}notifications") if root.tag == f"{_SOAP}Envelope" else None
    if body is None:
        raise InvalidEnvelope("no notifications in a SOAP envelope")
    found = body.findall(f"{_OUTBOUND}Notification")
    if not 0 < len(found) <= MAX_NOTIFICATIONS:
        raise InvalidEnvelope(f"between 1 and {MAX_NOTIFICATIONS} notifications")
    return OutboundMessage(
        organization_id=(body.findtext(f"{_OUTBOUND}OrganizationId") or "").strip(),
        notifications=[_read_notification(element) for element in found],
    )


def read_notification(raw: bytes) -> Notification:
    """Return a notification from its own bytes, as `Notification.raw` holds them.

    Raises:
        InvalidEnvelope: they are none.
    """
    try:
        return _read_notification(fromstring(raw, forbid_dtd=True))
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidEnvelope("no notification") from error


def is_same_organization(given: str, expected: str) -> bool:
    """Tell whether two ids mean one organisation; the last three of 18 characters only check the case."""
    return len(given) in (15, 18) and len(expected) in (15, 18) and given[:15] == expected[:15]


def _depths(root: Element) -> Iterator[int]:
    open_elements = [(root, 1)]
    while open_elements:
        element, depth = open_elements.pop()
        yield depth
        if depth <= MAX_DEPTH:
            open_elements.extend((child, depth + 1) for child in element)


def _read_notification(element: Element) -> Notification:
    notification_id = (element.findtext(f"{_OUTBOUND}Id") or "").strip()
    record = element.find(f"{_OUTBOUND}sObject")
    if not 15 <= len(notification_id) <= 18 or not notification_id.isalnum():
        raise InvalidEnvelope("a notification without id")
    fields = {} if record is None else {_local(child.tag): _text(child) for child in record}
    kind = "" if record is None else record.get(f"{_XSI}type", "").rpartition(":")[2]
    return Notification(id=notification_id, kind=kind, fields=fields, raw=_print(element))


def _print(element: Element) -> bytes:
    printed: bytes = tostring(element, encoding="utf-8")
    return printed


def _text(element: Element) -> str | None:
    return None if element.get(f"{_XSI}nil") in ("true", "1") else (element.text or "")


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]
