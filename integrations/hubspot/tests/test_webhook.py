"""The HubSpot door as HubSpot and as an attacker see it."""

import json
import time
from pathlib import Path
from unittest.mock import ANY

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance import erasure, subjects
from compliance.privacy.selectors import list_requests
from integrations.hubspot.signature import SignedRequest, sign
from integrations.models import KnownReference
from integrations.tests.doors import assert_refused, inbound, post, stored_text
from signals.selectors import list_open_quarantine, list_signals

URL = "/api/integrations/hubspot/webhook"
PUBLIC = "https://revctx.example.test"
SECRET, OLD_SECRET = "0f3c9f0e-6a0f-4f39-9a55-hubspot", "the-client-secret-before"
FIXTURES = Path(__file__).with_name("fixtures")
DEAL = json.loads((FIXTURES / "deal_journey.json").read_text())
CONTACT = json.loads((FIXTURES / "contact_journey.json").read_text())
SHIFT = int((time.time() - 86_400) * 1000) - 1795345200000

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _signed_only(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = False
    settings.HUBSPOT_WEBHOOK_SECRETS = [SECRET, OLD_SECRET]
    settings.PUBLIC_URL = PUBLIC


def _raw(events, **changes):
    """Return the events as HubSpot would send them, a day ago."""
    return json.dumps([e | {"occurredAt": e["occurredAt"] + SHIFT} | changes for e in events]).encode()


def _signed(raw, *, secret=SECRET, at=None, uri=PUBLIC + URL, method="POST"):
    timestamp = str(int((at or time.time()) * 1000))
    return {
        "X-HubSpot-Signature-v3": sign(SignedRequest(method, uri, raw, timestamp), secret=secret),
        "X-HubSpot-Request-Timestamp": timestamp,
    }


def _send(events, **changes):
    raw = _raw(events, **changes)
    response = post(URL, raw, _signed(raw))
    assert response.status_code == 202, response.content
    return response.json()


def test_a_deal_becomes_signals_of_its_company():
    answer = _send(DEAL[::-1])

    assert [item["status"] for item in answer["signals"]] == ["accepted", "accepted"]
    assert (answer["quarantined"], answer["noted"]) == ([], 1)
    signals = {signal.type: signal for signal in list_signals()}
    assert set(signals) == {"opportunity_created", "opportunity_stage_changed"}
    assert {signal.account["crm_id"] for signal in signals.values()} == {"9001"}
    assert signals["opportunity_stage_changed"].attributes == {"stage": "demo_scheduled", "opportunity": ANY}
    assert inbound() == [("hubspot", 202, "", {"requests": 1, "accepted": 2, "noted": 1})]


def test_another_attempt_is_a_duplicate_and_another_event_is_not():
    _send(DEAL)

    again = _send(DEAL, attemptNumber=3)
    other = _send(DEAL[2:], eventId=99)

    assert [item["status"] for item in again["signals"]] == ["duplicate", "duplicate"]
    assert [item["status"] for item in other["signals"]] == ["accepted"]


def test_a_deal_whose_company_nobody_told_waits():
    answer = _send(DEAL[2:])

    assert [item["reason"] for item in answer["quarantined"]] == ["no_account"]
    assert not list_signals().exists()
    assert inbound() == [("hubspot", 202, "no_account", {"requests": 1, "quarantined": 1})]


def test_a_removed_association_ends_it():
    _send(DEAL[:1])
    _send([DEAL[0] | {"associationRemoved": True, "occurredAt": DEAL[0]["occurredAt"] + 1}])
    _send(DEAL[:1])  # an old report, delivered late

    assert [item["reason"] for item in _send(DEAL[2:])["quarantined"]] == ["no_account"]


def test_a_contact_is_known_by_what_earlier_events_told():
    answer = _send(CONTACT)

    assert (len(answer["signals"]), answer["quarantined"], answer["noted"]) == (3, [], 2)
    signals = {signal.type: signal for signal in list_signals()}
    subject = subjects.find_subject(email="zoe@quill.test")
    assert signals["opportunity_stage_changed"].subject_id == subject
    assert signals["contact_merged"].subject_id == subject
    assert signals["contact_merged"].account == {"crm_id": "9001"}
    assert signals["account_merged"].account == {"crm_id": "9001"}
    assert signals["account_merged"].attributes == {"count": 1}
    # The contact that is left after the merge is known like the one that went into it.
    later = _send([CONTACT[0] | {"objectId": 1246978, "propertyValue": "customer"}])
    assert list_signals().get(id=later["signals"][0]["id"]).subject_id == subject
    assert "quill" not in stored_text()


def test_an_erased_contact_is_not_known_any_more():
    from datetime import UTC, datetime

    _send(CONTACT)
    subject = subjects.find_subject(email="zoe@quill.test")

    erasure.erase(subject_id=subject, actor="system:test", now=datetime.now(UTC))

    assert not KnownReference.objects.filter(subject_id__isnull=False).exists()
    later = _send([CONTACT[0] | {"eventId": 7, "propertyValue": "customer"}])
    assert list_signals().get(id=later["signals"][0]["id"]).subject_id is None
    # The address of somebody who was erased is not taken up again.
    _send([CONTACT[1] | {"eventId": 8}])
    assert not KnownReference.objects.filter(subject_id__isnull=False).exists()


def test_a_deletion_for_privacy_opens_an_erasure_request():
    deletion = CONTACT[0] | {"subscriptionType": "contact.privacyDeletion", "eventId": 600}
    deletion = {name: value for name, value in deletion.items() if not name.startswith("property")}
    assert [item["reason"] for item in _send([deletion])["quarantined"]] == ["unknown_contact"]

    answer = _send([*CONTACT[:3], deletion])
    _send([deletion | {"attemptNumber": 1}])

    assert (answer["quarantined"], answer["noted"]) == ([], 3)
    subject = subjects.find_subject(email="zoe@quill.test")
    found = list_requests().filter(subject_id=subject, type="erasure", jurisdiction="EU")
    assert sorted(request.state for request in found) == ["duplicate", "identity_unverified"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (DEAL[2] | {"propertyValue": "1837264"}, "unmapped_value"),
        (DEAL[2] | {"propertyName": "amount"}, "unmapped_property"),
        (DEAL[1] | {"subscriptionType": "ticket.creation"}, "unmapped_event"),
        (DEAL[1] | {"objectId": "seven"}, "invalid_object_id"),
        (DEAL[1] | {"eventId": None}, "missing_eventid"),
        (CONTACT[1] | {"propertyValue": "nobody"}, "invalid_email"),
        (CONTACT[3] | {"mergedObjectIds": "1"}, "invalid_merged_object_ids"),
    ],
)
def test_what_is_not_understood_waits_and_the_rest_is_stored(event, reason):
    answer = _send([*DEAL[:2], event])

    assert [item["reason"] for item in answer["quarantined"]] == [reason]
    assert [item["status"] for item in answer["signals"]] == ["accepted"]
    assert list_open_quarantine().get().reason == reason


def test_a_body_of_bad_events_takes_no_more_statements_than_one_event():
    bad = {"subscriptionType": "contact.propertyChange", "objectId": 5, "occurredAt": DEAL[0]["occurredAt"]}
    named = [bad | {"propertyValue": f"p{n}@quill.test"} for n in range(500)]
    _send(named[:1])  # the month's key and the like

    with CaptureQueriesContext(connection) as one:
        _send(named[1:2])
    with CaptureQueriesContext(connection) as many:
        answer = _send(named)

    assert len(answer["quarantined"]) == 500
    assert list_open_quarantine().count() == 502
    assert len(many) <= len(one) + 3, [str(query["sql"])[:90] for query in many]
    inserts = [query["sql"] for query in many if 'INTO "signal_quarantine"' in str(query["sql"])]
    assert len(inserts) == 1
    assert all(row.sealed and len(row.subject_ids) == 1 for row in list_open_quarantine())


def test_an_event_from_the_future_waits():
    answer = _send(DEAL[1:2] + DEAL[:1], occurredAt=int((time.time() + 86_400) * 1000))

    assert [item["reason"] for item in answer["quarantined"]] == ["in_the_future"]


def test_each_live_secret_and_an_escaped_address_are_accepted():
    raw = _raw(DEAL)
    query = "?tenant=a%2Fb%3Ac&to=x%40y&keep=%20%C3%A9"
    sent = PUBLIC + URL + "?tenant=a/b:c&to=x@y&keep=%20%C3%A9"

    assert post(URL + query, raw, _signed(raw, uri=sent, secret=OLD_SECRET)).status_code == 202


def test_everything_else_is_refused_before_it_is_read():
    raw = _raw(DEAL)
    good = _signed(raw)
    attempts = [
        {},
        _signed(raw, secret="not-the-secret-of-this-app"),
        _signed(raw, at=time.time() - 301),
        _signed(raw, at=time.time() + 301),
        _signed(raw, uri="https://elsewhere.test" + URL),
        _signed(raw, uri=PUBLIC + URL + "?a=1"),
        _signed(raw, method="PUT"),
        _signed(json.dumps(json.loads(raw), separators=(",", ":")).encode()),
        good | {"X-HubSpot-Request-Timestamp": str(int(good["X-HubSpot-Request-Timestamp"]) + 1)},
        {"X-HubSpot-Signature-v3": good["X-HubSpot-Signature-v3"]},
        {"X-HubSpot-Request-Timestamp": good["X-HubSpot-Request-Timestamp"]},
        good | {"X-HubSpot-Signature-v3": "é"},
    ]
    for headers in attempts:
        assert_refused(post(URL, raw, headers))
        assert_refused(post(URL, b"{not json", headers))

    assert {line[:2] for line in inbound()} == {("hubspot", 401)}
    reasons = {"wrong_signature", "stale_timestamp", "invalid_timestamp", "invalid_signature"}
    assert {line[2] for line in inbound()} == reasons
    assert sum(line[3]["requests"] for line in inbound()) == 2 * len(attempts)
    assert len(inbound()) <= 2 * len(reasons)  # one a minute and reason


def test_without_a_secret_nobody_comes_in(settings):
    settings.HUBSPOT_WEBHOOK_SECRETS = []
    raw = _raw(DEAL)

    assert_refused(post(URL, raw, _signed(raw, secret="")))


@pytest.mark.parametrize("body", [b"{}", b'"text"', b"{not json", b"\xff"])
def test_a_signed_body_that_is_no_array_is_refused(body):
    assert_refused(post(URL, body, _signed(body)), 400)
