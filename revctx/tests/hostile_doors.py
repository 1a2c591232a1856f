"""Every door that takes events in: how to knock at it properly, and with what an attacker would bring."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.test import Client, override_settings

from integrations import standard_webhooks
from integrations.hubspot.signature import SignedRequest
from integrations.hubspot.signature import sign as sign_hubspot
from integrations.segment.signature import sign as sign_segment
from integrations.tests.factories import save_mapped_source

SECRET = "a-secret-of-sixteen-or-more"
PUBLIC = "https://revctx.example.test"
KIB, MIB = 1024, 1024 * 1024
ORGANIZATION = "00D5g00000ABCdeEAF"
WEBHOOKS = "/api/integrations"
_YESTERDAY = datetime.now(UTC) - timedelta(days=1)

Headers = dict[str, str]


@dataclass(frozen=True)
class Door:
    """One endpoint.

    Args:
        sample: a document that it takes.
        sign: returns the headers that let a body in; `at` in Unix seconds.
        limit: most bytes of a body.
        is_vendor: answers 202 to what can be read but not understood, instead of 4xx.
    """

    name: str
    path: str
    sample: Any
    sign: Callable[[bytes, float], Headers]
    limit: int
    is_vendor: bool = True
    content_type: str = "application/json"

    def print(self, document: Any) -> bytes:
        """Return a document as a body."""
        if self.content_type == "application/x-ndjson":
            return b"\n".join(json.dumps(line).encode() for line in document)
        return document if isinstance(document, bytes) else json.dumps(document).encode()

    def post(self, raw: bytes, headers: Headers | None = None, content_type: str | None = None) -> Any:
        """Send a body, signed unless headers are given."""
        signed = self.sign(raw, time.time()) if headers is None else headers
        client = Client(raise_request_exception=False)
        return client.post(self.path, raw, content_type=content_type or self.content_type, headers=signed)


def make_doors(token: str) -> dict[str, Door]:
    """Return the doors by name; the generic one must have its source (`make_source`)."""

    def bearer(_raw: bytes, _at: float) -> Headers:
        return {"Authorization": f"Bearer {token}"}

    own = {"is_vendor": False, "sign": bearer}
    return {
        door.name: door
        for door in (
            Door("signals", "/api/signals", _signal(), limit=256 * KIB, **own),
            Door("batch", "/api/signals/batch", [_signal(), _signal()], limit=5 * MIB, **own),
            Door(
                "lines", "/api/signals/batch", [_signal(), _signal()],
                limit=5 * MIB, content_type="application/x-ndjson", **own,
            ),
            Door("salesforce", f"{WEBHOOKS}/salesforce/webhook", _OPPORTUNITY, _sign_standard, 256 * KIB),
            Door("hubspot", f"{WEBHOOKS}/hubspot/webhook", _DEAL, _sign_hubspot, 256 * KIB),
            Door("segment", f"{WEBHOOKS}/segment/webhook", _JOURNEY, _sign_segment, MIB),
            Door("generic", f"{WEBHOOKS}/generic/hostile/webhook", _FORM, _sign_standard, 256 * KIB),
        )
    }  # fmt: skip


def open_doors() -> override_settings:
    """Return the settings under which every door has its secret and takes nothing unsigned."""
    return override_settings(
        ALLOW_UNSIGNED_WEBHOOKS=False,
        PUBLIC_URL=PUBLIC,
        SALESFORCE_WEBHOOK_SECRETS=[SECRET],
        HUBSPOT_WEBHOOK_SECRETS=[SECRET],
        SEGMENT_WEBHOOK_SECRETS=[SECRET],
        SALESFORCE_OUTBOUND_KEYS=[SECRET],
        SALESFORCE_ORGANIZATION_ID=ORGANIZATION,
    )


def make_source() -> None:
    """Set up the mapped source behind the generic door."""
    save_mapped_source(SECRET)


def _signal() -> dict[str, Any]:
    return {
        "source": "api",
        "type": "opportunity_stage_changed",
        "external_id": str(uuid4()),
        "occurred_at": _YESTERDAY.isoformat(),
        "account": {"crm_id": "hostile-1", "domain": "hostile.test", "name": "Hostile"},
        "person": {"email": "zoe@hostile.test", "name": "Zoe", "title": "CTO"},
        "strength": 2.5,
        "attributes": {"stage": "demo_scheduled", "value": 12, "note": ["x", {"y": 1}]},
    }


_OPPORTUNITY = {
    "AccountId": "test-account-001",
    "Id": "oppty-123",
    "StageName": "Demo Scheduled",
    "LastModifiedDate": _YESTERDAY.isoformat(),
    "Amount": 1200.5,
    "ContactEmail": "zoe@hostile.test",
    "ContactName": "Zoe",
    "Extra": {"list": [1, "two"]},
}
_EVENT = {
    "eventId": 1, "subscriptionId": 2, "portalId": 62515, "appId": 4, "attemptNumber": 0,
    "occurredAt": int(_YESTERDAY.timestamp() * 1000), "changeSource": "CRM",
}  # fmt: skip
_DEAL = [
    _EVENT
    | {
        "subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_COMPANY",
        "associationTypeId": 5, "fromObjectId": 7001, "toObjectId": 9001, "associationRemoved": False,
        "isPrimaryAssociation": True,
    },
    _EVENT
    | {
        "eventId": 3, "subscriptionType": "contact.propertyChange", "objectId": 55,
        "propertyName": "email", "propertyValue": "zoe@hostile.test",
    },
    _EVENT
    | {
        "eventId": 4, "subscriptionType": "deal.propertyChange", "objectId": 7001,
        "propertyName": "dealstage", "propertyValue": "presentationscheduled",
    },
    _EVENT | {"eventId": 5, "subscriptionType": "contact.merge", "primaryObjectId": 55,
              "mergedObjectIds": [56], "newObjectId": 57, "numberOfPropertiesMoved": 1, "objectId": 55},
]  # fmt: skip
_WHO = {"userId": "u-1", "anonymousId": "a-1", "timestamp": _YESTERDAY.isoformat(), "version": "1.1"}
_JOURNEY = {
    "batch": [
        _WHO | {"type": "identify", "messageId": "m-1", "traits": {"email": "zoe@hostile.test", "name": "Z"}},
        _WHO | {"type": "group", "messageId": "m-2", "groupId": "g-1", "traits": {"domain": "hostile.test"}},
        _WHO
        | {
            "type": "track", "messageId": "m-3", "event": "Demo Requested", "properties": {"seats": 40},
            "context": {"groupId": "g-1"},
        },
        _WHO | {"type": "page", "messageId": "m-4", "name": "P", "properties": {"path": "/pricing"}},
        _WHO | {"type": "alias", "messageId": "m-5", "previousId": "u-0"},
    ]
}  # fmt: skip
_FORM = {
    "events": [
        {
            "kind": "demo_requested", "token": "t-1", "at": _YESTERDAY.isoformat(), "strength": 1,
            "seats": 40,
            "stage": "demo_scheduled", "company": {"domain": "hostile.test", "crm": "c-1", "name": "Hostile"},
            "person": {"email": "zoe@hostile.test", "name": "Zoe"},
        }
    ]
}  # fmt: skip


def _sign_standard(raw: bytes, at: float) -> Headers:
    # The id of its own, for a body sent under the same id is a replay.
    name = f"msg_{uuid4().hex}"
    signature = standard_webhooks.sign(secret=SECRET, webhook_id=name, timestamp=int(at), body=raw)
    return {"webhook-id": name, "webhook-timestamp": str(int(at)), "webhook-signature": signature}


def _sign_hubspot(raw: bytes, at: float) -> Headers:
    request = SignedRequest("POST", f"{PUBLIC}{WEBHOOKS}/hubspot/webhook", raw, str(int(at * 1000)))
    signature = sign_hubspot(request, secret=SECRET)
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": request.timestamp}


def _sign_segment(raw: bytes, _at: float) -> Headers:
    return {"x-signature": sign_segment(raw, secret=SECRET)}


# What no door can read: JSON's own rules, and the limits of the contract.
UNREADABLE: dict[str, bytes] = {
    "a raw NUL": b'{"a": "b\x00c"}',
    "an escaped NUL": rb'{"a": "b\u0000c"}',
    "a NUL in a key": rb'{"a\u0000": 1}',
    "half a pair": rb'{"a": "\ud83d"}',
    "a half pair in UTF-8": b'{"a": "\xed\xa0\xbd"}',
    "not UTF-8": b'{"a": "\xff"}',
    "overlong UTF-8": b'{"a": "\xc0\x80"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "50,000 levels": b"[" * 50_000 + b"]" * 50_000,
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice, escaped once": rb'{"a": 1, "\u0061": 2}',
    "1e400": b'{"a": 1e400}',
    "-1e400": b'{"a": -1e400}',
    "an integer of 401 digits": b'{"a": 1' + b"0" * 400 + b"}",
    "an integer of 100,000 digits": b'{"a": -1' + b"0" * 100_000 + b"}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "cut off": b'{"a": [1, 2',
    "a text without end": b'{"a": "b',
    "escaped quotes without end": b'"' + rb"\"" * 120_000,
    "escaped quotes and half an escape": b'"' + rb"\"" * 120_000 + b"\\",
    "two documents": b'{"a": 1} {"b": 2}',
    "XML": b"<a>b</a>",
    "gzip": gzip.compress(b'{"a": 1}'),
    "gzip, cut off": gzip.compress(b'{"a": 1}')[:-9],
}  # fmt: skip

# What can be read and put in the place of any value.
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**29, -(10**29), 1e308, -1e308, 5e-324, 2**31, 2**63, -0.0, 253402300800000,
    "", " ", "x" * 10_001, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "1999-12-31T23:59:59Z", "2026-11-22T10:00:00",
    "zoe@b\u00fccher.test", "z\u043ee@hostile.test", "zoe@h\u043estile.test", "zoe@xn--zzzzz.test",
    "zoe@[::1]",
    "zo\u200be@hostile.test", "@", "a@b@c", "\u202etxt.exe", "\ufeff", "\U0001f468\u200d\U0001f469",
    "%00", "\u0130",
    "../../etc/passwd", "' OR 1=1 --", "{{7*7}}", "e\u0301" * 200, "-", ".", "\u2028", "1e400", "\x7f",
    [], {}, [[]], [None], {"": ""}, {"a": {"b": []}}, [1] * 30,
)  # fmt: skip


def odd_documents(sample: Any) -> Iterator[Any]:
    """Yield the document with each odd value in each place, and without each key."""
    for path in _places(sample, ()):
        for value in ODD_VALUES:
            changed = deepcopy(sample)
            _parent(changed, path)[path[-1]] = deepcopy(value)
            yield changed
        changed = deepcopy(sample)
        del _parent(changed, path)[path[-1]]
        yield changed
    yield from ODD_VALUES


def _places(document: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    children = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in children:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from _places(value, (*path, key))


def _parent(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document
