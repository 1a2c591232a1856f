"""The Salesforce door as Salesforce and as an attacker see it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from integrations.standard_webhooks import sign
from signals.selectors import get_signal, list_open_quarantine, list_signals

URL = "/api/integrations/salesforce/webhook"
SECRET, OLD_SECRET = "the-secret-of-this-test", "the-secret-before-that"
# The body of the brief, letter for letter.
BRIEF = b'{"AccountId": "test-account-001", "Id": "oppty-123", "StageName": "Demo Scheduled"}'


@pytest.fixture
def _unsigned_allowed(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = True


@pytest.fixture
def _signed_only(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = False
    settings.SALESFORCE_WEBHOOK_SECRETS = [SECRET, OLD_SECRET]


def _post(body, headers=None, content_type="application/json"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(URL, raw, content_type=content_type, headers=headers or {})


def _signed(body, *, webhook_id="msg_1", secret=SECRET, at=None):
    timestamp = int(at or time.time())
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret=secret, webhook_id=webhook_id, timestamp=timestamp, body=body),
    }


def _assert_nothing_stored():
    assert not list_signals().exists()
    assert not list_open_quarantine().exists()


def _assert_refused(response, status):
    assert response.status_code == status, response.content
    error = response.json()["error"]
    assert error["request_id"] == response.headers["X-Request-ID"]
    _assert_nothing_stored()


@pytest.mark.django_db
@pytest.mark.usefixtures("_unsigned_allowed")
class TestUnsigned:
    def test_the_body_of_the_brief_becomes_a_signal(self):
        response = _post(BRIEF)

        assert response.status_code == 202
        [item] = response.json()["signals"]
        assert (item["status"], response.json()["quarantined"]) == ("accepted", [])
        signal = get_signal(signal_id=UUID(item["id"]))
        assert (signal.source, signal.type) == ("salesforce", "opportunity_stage_changed")
        assert signal.account == {"crm_id": "test-account-001"}
        assert signal.attributes == {"stage": "demo_scheduled", "opportunity": ANY}

    def test_again_it_is_a_duplicate(self):
        first = _post(BRIEF).json()["signals"]

        assert _post(BRIEF).json()["signals"] == [{"id": first[0]["id"], "status": "duplicate"}]

    def test_another_stage_is_another_event(self):
        _post(BRIEF)

        response = _post(BRIEF.replace(b"Demo Scheduled", b"Closed Won"))

        assert response.json()["signals"][0]["status"] == "accepted"
        assert list_signals(type="opportunity_won").count() == 1

    def test_a_stage_that_nobody_mapped_is_sealed(self):
        _post(BRIEF.replace(b"Demo Scheduled", b"Jane's Special Stage"))

        signal = list_signals().get()
        assert signal.attributes == {"stage": "unmapped", "opportunity": ANY}
        with connection.cursor() as cursor:
            cursor.execute("SELECT s::text FROM signals s")
            assert "Jane" not in cursor.fetchone()[0]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({"AccountId": "a", "StageName": "Demo"}, "missing_id"),
            ({"Id": "o", "StageName": "Demo"}, "missing_account_id"),
            ([json.loads(BRIEF)], "not_an_object"),
            (json.loads(BRIEF) | {"ContactEmail": "nobody"}, "invalid_email"),
            (json.loads(BRIEF) | {"LastModifiedDate": "2026-11-22T10:00:00"}, "naive_last_modified_date"),
            (
                json.loads(BRIEF)
                | {"LastModifiedDate": (datetime.now(UTC) + timedelta(days=3650)).isoformat()},
                "in_the_future",
            ),
        ],
    )
    def test_what_is_not_understood_waits_in_quarantine(self, body, reason):
        response = _post(body)

        assert response.status_code == 202
        assert response.json()["signals"] == []
        [item] = response.json()["quarantined"]
        row = list_open_quarantine().get()
        assert (str(row.id), row.reason, item["reason"]) == (item["id"], reason, reason)
        assert not list_signals().exists()
        with connection.cursor() as cursor:
            cursor.execute("SELECT q::text FROM signal_quarantine q")
            assert "Demo" not in cursor.fetchone()[0]
            cursor.execute(
                "SELECT name, payload->>'reason' FROM audit_logs WHERE target_id = %s", [str(row.id)]
            )
            assert cursor.fetchall() == [("signal.quarantined", reason)]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"{not json", 400),
            (b"\xff", 400),
            (BRIEF.replace(b"oppty", b"\\u0000"), 400),
            (b"[" * 2000 + b"]" * 2000, 400),
            (b'{"a": ' * 2000 + b"1" + b"}" * 2000, 400),
            (BRIEF.replace(b'"Id"', b'"AccountId"'), 400),
            (b'{"Amount": NaN}', 400),
            (BRIEF + b" " * 1_000_000, 413),
            (b" " * 6_000_000, 413),
        ],
    )
    def test_what_can_not_be_parsed_is_refused(self, body, status):
        _assert_refused(_post(body), status)

    @pytest.mark.parametrize(
        "content_type",
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
    )
    def test_another_content_type_is_refused(self, content_type):
        _assert_refused(_post(BRIEF, content_type=content_type), 415)

    def test_an_empty_body_is_refused(self):
        _assert_refused(_post(b"", {"Content-Type": "application/json"}), 400)

    def test_a_wrong_signature_is_refused_even_here(self):
        _assert_refused(_post(BRIEF, _signed(BRIEF, secret="not-the-secret-of-this")), 401)


@pytest.mark.django_db
@pytest.mark.usefixtures("_signed_only")
class TestSigned:
    @pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
    def test_each_live_secret_is_accepted(self, secret):
        assert _post(BRIEF, _signed(BRIEF, secret=secret)).status_code == 202
        assert list_signals().count() == 1

    def test_the_webhook_id_is_the_natural_key(self):
        _post(BRIEF, _signed(BRIEF))

        again = _post(BRIEF, _signed(BRIEF)).json()["signals"][0]
        other = _post(BRIEF, _signed(BRIEF, webhook_id="msg_2")).json()["signals"][0]

        assert (again["status"], other["status"]) == ("duplicate", "accepted")

    def test_other_content_under_a_known_id_is_a_conflict(self):
        _post(BRIEF, _signed(BRIEF))
        changed = BRIEF.replace(b"Demo Scheduled", b"Qualification")

        assert _post(changed, _signed(changed)).json()["signals"][0]["status"] == "conflict"

    def test_a_replay_is_known_although_redis_forgot(self, redis_server):
        first = _post(BRIEF, _signed(BRIEF)).json()["signals"][0]
        redis_server.flushall()

        assert _post(BRIEF, _signed(BRIEF)).json()["signals"] == [{"id": first["id"], "status": "duplicate"}]
        assert list_signals().count() == 1

    def test_a_replay_of_what_was_not_understood_waits_once(self, redis_server):
        bodies = [json.dumps({"Id": "oppty-123", "n": n}).encode() for n in (1, 1, 2)]
        ids = [_post(body, _signed(body)).json()["quarantined"][0]["id"] for body in bodies]

        assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)
        assert list_open_quarantine().count() == 2

    def test_the_signature_covers_the_bytes_and_not_the_meaning(self):
        printed_again = json.dumps(json.loads(BRIEF), separators=(",", ":")).encode()

        _assert_refused(_post(printed_again, _signed(BRIEF)), 401)

    @pytest.mark.parametrize(("seconds", "status"), [(-290, 202), (290, 202), (-310, 401), (310, 401)])
    def test_five_minutes_either_way_and_no_more(self, seconds, status):
        assert _post(BRIEF, _signed(BRIEF, at=time.time() + seconds)).status_code == status

    def test_a_secret_that_went_is_no_secret(self, settings):
        settings.SALESFORCE_WEBHOOK_SECRETS = [SECRET]

        _assert_refused(_post(BRIEF, _signed(BRIEF, secret=OLD_SECRET)), 401)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            _signed(BRIEF + b" "),
            _signed(BRIEF, secret="not-the-secret-of-this"),
            _signed(BRIEF, at=time.time() - 3600),
            {"webhook-id": "msg_1"},
            {"webhook-signature": "v1,AAAA"},
        ],
    )
    def test_everything_else_is_refused_before_it_is_read(self, headers):
        _assert_refused(_post(BRIEF, headers), 401)
        _assert_refused(_post(b"{not json", headers), 401)

    def test_the_person_is_sealed(self):
        body = json.dumps(json.loads(BRIEF) | {"ContactEmail": "zoe@quill.test", "ContactName": "Zoe Quill"})

        _post(body.encode(), _signed(body.encode()))

        assert list_signals().get().subject_id is not None
        with connection.cursor() as cursor:
            cursor.execute("SELECT s::text FROM signals s")
            assert "quill" not in cursor.fetchone()[0].lower()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_unsigned_allowed")
def test_fifty_at_once_become_one_signal(live_server):
    def send(_):
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(live_server.url + URL, BRIEF, headers), timeout=20) as response:
            return response.status, json.load(response)["signals"][0]

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(send, range(50)))

    assert {status for status, _ in answers} == {202}
    assert sorted(item["status"] for _, item in answers) == ["accepted"] + ["duplicate"] * 49
    assert len({item["id"] for _, item in answers}) == 1
    assert list_signals().count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_logs WHERE name = 'signal.ingested'")
        assert cursor.fetchone() == (1,)
