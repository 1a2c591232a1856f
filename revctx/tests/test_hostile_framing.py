"""Lengths that lie or are missing, and the SOAP door, which reads XML."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from revctx.api.tokens import issue_token
from revctx.tests.database import number
from revctx.tests.fuzzing import caught_errors
from revctx.tests.hostile_doors import SECRET, WEBHOOKS, make_doors, make_source, open_doors

NAMES = ("signals", "batch", "lines", "salesforce", "hubspot", "segment", "generic")
SOAP = f"{WEBHOOKS}/salesforce/outbound-messages"
MESSAGE = (
    Path(settings.BASE_DIR) / "integrations/salesforce/tests/fixtures/outbound_message.xml"
).read_bytes()


@pytest.fixture
def doors(db):
    user = User.objects.create_user("hostile")
    token = issue_token(user=user, label="test", scopes=["signals:write"], now=datetime.now(UTC))
    make_source()
    with open_doors():
        yield make_doors(token)


def count_stored():
    return number("SELECT (SELECT count(*) FROM signals) + (SELECT count(*) FROM signal_quarantine)")


@pytest.mark.parametrize("length", ["", "\xb2", "-1", "0x10", "9" * 5_000], ids=range(5))
def test_a_length_that_is_none_is_refused_and_nothing_is_stored(doors, length):
    """An empty one is how a body in chunks arrives."""
    with caught_errors() as errors:
        for name in NAMES:
            door = doors[name]
            raw = door.print(door.sample)
            client = Client(raise_request_exception=False, headers=door.sign(raw, time.time()))
            answer = client.post(door.path, raw, content_type=door.content_type, CONTENT_LENGTH=length)
            assert 400 <= answer.status_code < 500, (name, answer.content)
        answer = Client(raise_request_exception=False).post(
            f"{SOAP}?key={SECRET}", MESSAGE, content_type="text/xml", CONTENT_LENGTH=length
        )
        assert 400 <= answer.status_code < 500
    assert errors == []
    assert count_stored() == 0


def in_message(old, new):
    assert old in MESSAGE
    return MESSAGE.replace(old, new)


def declared(encoding):
    return in_message(b'encoding="UTF-8"', b'encoding="%s"' % encoding)


DEEP = b"<a>" * 50_000 + b"</a>" * 50_000
UNREADABLE = {
    "empty": b"",
    "JSON": b"{}",
    "a NUL": in_message(b"Demo Scheduled", b"Demo\x00Scheduled"),
    "a NUL by reference": in_message(b"Demo Scheduled", b"&#0;"),
    "half a pair": in_message(b"Demo Scheduled", b"&#xD83D;"),
    "not UTF-8": in_message(b"Demo Scheduled", b"\xff\xfe"),
    "cut off": MESSAGE[:-40],
    "twice": MESSAGE + MESSAGE,
    "50,000 levels": DEEP,
    "50,000 levels inside": in_message(b"<Notification>", b"<Notification>" + DEEP),
    "33 levels": in_message(b"<Notification>", b"<Notification>" + b"<a>" * 33 + b"</a>" * 33),
    "an encoding that does not exist": declared(b"no-such-encoding"),
    "UTF-16 that is none": declared(b"UTF-16"),
    "UTF-7": declared(b"utf-7"),
    "a codec that is no text": declared(b"zlib"),
    "a codec that refuses": declared(b"undefined"),
    "an attribute twice": in_message(b"<Notification>", b'<Notification a="1" a="2">'),
    "an id of another kind": in_message(b"04l5g00000nrC5BAAU", b"\xd9\xa3" * 16 + b"-"),
    "an unbound prefix": in_message(b"sf:StageName", b"zz:StageName"),
}
ODD = (
    b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59", b"x" * 10_001, b"", b" ", b"&#x202E;",
    b"1e400",
    b"&#x1F469;&#x200D;&#x1F680;", b"%00", b"9" * 5_000, b"NaN", b"&lt;a/&gt;", b"&#x85;", b"-",
)  # fmt: skip


def test_the_soap_door_refuses_what_it_can_not_read(doors):
    client = Client(raise_request_exception=False)
    with caught_errors() as errors:
        answers = {
            what: client.post(f"{SOAP}?key={SECRET}", raw, content_type="text/xml").status_code
            for what, raw in UNREADABLE.items()
        }
        large = client.post(f"{SOAP}?key={SECRET}", b"x" * (5 * 1024 * 1024 + 1), content_type="text/xml")
    assert errors == []
    assert answers == dict.fromkeys(UNREADABLE, 400)
    assert large.status_code == 413
    for key in ("", "wrong", "%FF", "%00", SECRET[:-1], SECRET + "%00"):
        assert client.post(f"{SOAP}?key={key}", MESSAGE, content_type="text/xml").status_code == 401
    assert count_stored() == 0


def test_the_soap_door_acknowledges_odd_values(doors):
    client = Client(raise_request_exception=False)
    places = (
        b"Demo Scheduled", b"24000.0", b"2026-11-20T15:32:37.000Z", b"0065g00000OppOneAAA",
        b"0015g00000AcctOneA", b"sf:Opportunity",
    )  # fmt: skip
    with caught_errors() as errors:
        statuses = {
            client.post(f"{SOAP}?key={SECRET}", in_message(place, value), content_type="text/xml").status_code
            for place in places
            for value in ODD
            if place != b"sf:Opportunity" or b"&" not in value
        }
    assert errors == []
    assert statuses == {200}
