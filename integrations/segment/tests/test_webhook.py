"""The Segment door as Segment and as an attacker see it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compliance import subjects
from integrations.segment.signature import sign
from integrations.tests.doors import assert_refused, inbound, post, stored_text
from signals.selectors import list_signals

URL = "/api/integrations/segment/webhook"
SECRET, OLD_SECRET = "the-secret-of-this-destination", "the-secret-before-that"
_TEXT = Path(__file__).with_name("fixtures").joinpath("journey.json").read_text()
JOURNEY = json.loads(_TEXT.replace("2026-11-22", (datetime.now(UTC) - timedelta(days=1)).date().isoformat()))
IDENTIFY, GROUP, TRACK, PAGE, SCREEN, ALIAS = JOURNEY["batch"]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _signed_only(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = False
    settings.SEGMENT_WEBHOOK_SECRETS = [SECRET, OLD_SECRET]


def _raw(document):
    """Return a document as JavaScript's JSON.stringify writes it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _send(document, secret=SECRET):
    raw = _raw(document)
    response = post(URL, raw, {"x-signature": sign(raw, secret=secret)})
    assert response.status_code == 202, response.content
    return response.json()


def test_a_batch_of_every_call():
    answer = _send(JOURNEY)

    assert [item["status"] for item in answer["signals"]] == ["accepted"] * 3
    assert (answer["quarantined"], answer["noted"]) == ([], 3)
    signals = {signal.type: signal for signal in list_signals()}
    subject = subjects.find_subject(email="zoe@quill.test")
    assert {signal.subject_id for signal in signals.values()} == {subject}
    quill = {"external_id": "0e8c78ea9d97a7b8185e8632", "name": "Quill Inc"}
    assert signals["demo_requested"].account == quill
    assert signals["demo_requested"].attributes == {"seats": 40}
    assert signals["pricing_page_view"].account == quill  # known by its anonymous id
    assert signals["product_usage"].account == {"external_id": "another-company"}
    assert inbound() == [("segment", 202, "", {"requests": 1, "accepted": 3, "noted": 3})]
    kept = stored_text()
    assert not [word for word in ("zoe", "203.0.113", "97980cfea0067", "mozilla", "premium") if word in kept]


def test_the_message_id_is_the_natural_key():
    _send([IDENTIFY, GROUP, TRACK])

    again = _send(TRACK)
    changed = _send(TRACK | {"event": "Meeting Booked"})
    other = _send(TRACK | {"messageId": "another"}, secret=OLD_SECRET)

    statuses = [answer["signals"][0]["status"] for answer in (again, changed, other)]
    assert statuses == ["duplicate", "conflict", "accepted"]


def test_what_claims_to_come_from_the_future_can_be_corrected():
    _send([IDENTIFY, GROUP | {"groupId": "wrong", "timestamp": "9998-01-01T00:00:00Z"}])
    _send([GROUP | {"groupId": "right", "timestamp": datetime.now(UTC).isoformat()}])

    [stored] = _send(TRACK)["signals"]

    assert list_signals().get(id=stored["id"]).account["external_id"] == "right"


def test_an_alias_is_known_like_the_id_before():
    _send(JOURNEY)

    later = _send(TRACK | {"userId": "app-user-1", "anonymousId": None, "messageId": "later"})

    signal = list_signals().get(id=later["signals"][0]["id"])
    assert signal.subject_id == subjects.find_subject(email="zoe@quill.test")
    assert signal.account["external_id"] == "0e8c78ea9d97a7b8185e8632"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (TRACK | {"event": "Zoe's Special Event"}, "unmapped_event"),
        (TRACK | {"event": ""}, "missing_event"),
        (TRACK | {"userId": "nobody-knows", "anonymousId": None}, "no_account"),
        (TRACK | {"messageId": None}, "missing_message_id"),
        (TRACK | {"type": "delete"}, "unknown_call"),
        (TRACK | {"timestamp": "yesterday"}, "invalid_timestamp"),
        (TRACK | {"timestamp": "9999-12-31T23:59:59-23:59"}, "invalid_timestamp"),
        (TRACK | {"timestamp": None}, "missing_timestamp"),
        (TRACK | {"context": "x"}, "invalid_context"),
        (TRACK | {"context": {"groupId": "info@quill.test"}}, "invalid_account"),
        (IDENTIFY | {"traits": {"email": "nobody"}}, "invalid_email"),
        (GROUP | {"groupId": "info@quill.test"}, "invalid_group_id"),
        (7, "not_an_object"),
    ],
)
def test_what_is_not_understood_waits_and_the_rest_is_stored(message, reason):
    answer = _send([IDENTIFY, GROUP, PAGE, message])

    assert [item["reason"] for item in answer["quarantined"]] == [reason]
    assert [item["status"] for item in answer["signals"]] == ["accepted"]
    assert "special" not in stored_text()


def test_everything_else_is_refused_before_it_is_read():
    raw = _raw(TRACK)
    first_event_only = _raw([TRACK, PAGE])
    attempts = [
        (raw, {}),
        (raw, {"x-signature": sign(raw, secret="not-the-secret-of-this")}),
        (raw, {"x-signature": "sha1=" + sign(raw, secret=SECRET)}),
        (raw, {"x-signature": ""}),
        (raw + b" ", {"x-signature": sign(raw, secret=SECRET)}),
        (json.dumps(TRACK).encode(), {"x-signature": sign(raw, secret=SECRET)}),
        # Segment's own batching signs the first event alone: the second one could be anybody's.
        (first_event_only, {"x-signature": sign(raw, secret=SECRET)}),
        (b"{not json", {}),
    ]
    for body, headers in attempts:
        assert_refused(post(URL, body, headers))

    assert {line[:2] for line in inbound()} == {("segment", 401)}
    assert {line[2] for line in inbound()} == {"missing_signature", "invalid_signature", "wrong_signature"}


def test_limits():
    assert_refused(post(URL, b" " * 1_100_000, {"x-signature": "0" * 40}), 413)
    raw = _raw([{}] * 1001)
    assert_refused(post(URL, raw, {"x-signature": sign(raw, secret=SECRET)}), 413)
