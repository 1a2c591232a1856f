"""Outbound Messages as Salesforce sends them, again and again if need be, and as an attacker would."""

from contextlib import contextmanager
from pathlib import Path
from unittest.mock import ANY
from xml.etree import ElementTree as ET

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from compliance.subjects import open_sealed
from signals.selectors import list_open_quarantine, list_signals

URL = "/api/integrations/salesforce/outbound-messages"
KEY, OLD_KEY = "a-key-of-this-test-only", "the-key-before-that-one"
ORGANIZATION = "00D5g00000ABCdeEAF"
MESSAGE = (Path(__file__).parent / "fixtures" / "outbound_message.xml").read_bytes()
BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "%s"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>' % (b"x" * 99)
FILE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.fixture(autouse=True)
def _set_up(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = False
    settings.SALESFORCE_OUTBOUND_KEYS = [KEY, OLD_KEY]
    settings.SALESFORCE_ORGANIZATION_ID = ORGANIZATION


def _post(body=MESSAGE, key=KEY):
    client = Client(raise_request_exception=False)
    query = {"key": key} if key else {}
    return client.post(URL, body, content_type="text/xml; charset=utf-8", query_params=query)


def _assert_acknowledged(response):
    assert (response.status_code, response["Content-Type"]) == (200, "text/xml; charset=UTF-8")
    root = ET.fromstring(response.content)
    assert root.findtext(".//{http://soap.sforce.com/2005/09/outbound}Ack") == "true"


def _many(count):
    head, _, rest = MESSAGE.partition(b"<Notification>")
    tail = rest.rpartition(b"</Notification>")[2]
    one = MESSAGE[MESSAGE.index(b"<Notification>") : MESSAGE.index(b"</Notification>") + 15]
    return head + b"".join(one.replace(b"nrC5BAAU", b"%08d" % n) for n in range(count)) + tail


@pytest.mark.django_db
class TestMessage:
    @pytest.mark.parametrize("key", [KEY, OLD_KEY])
    def test_what_is_understood_is_stored_and_the_rest_waits(self, key):
        _assert_acknowledged(_post(key=key))

        signals = {signal.type: signal for signal in list_signals()}
        assert set(signals) == {"opportunity_stage_changed", "opportunity_won"}
        changed = signals["opportunity_stage_changed"]
        assert changed.attributes == {"stage": "demo_scheduled", "value": 24000.0, "opportunity": ANY}
        assert changed.account == {"crm_id": "0015g00000AcctOneA"}
        assert changed.occurred_at.isoformat() == "2026-11-20T15:32:37+00:00"
        assert [row.reason for row in list_open_quarantine()] == ["unsupported_object"]

    def test_a_repetition_is_acknowledged_and_stores_nothing_more(self, redis_server):
        _post()
        redis_server.flushall()

        _assert_acknowledged(_post())

        assert (list_signals().count(), list_open_quarantine().count()) == (2, 1)

    def test_one_that_can_not_be_stored_does_not_take_the_others_with_it(self):
        _assert_acknowledged(_post(MESSAGE.replace(b"2026-11-20T15:33:02", b"2096-11-20T15:33:02")))

        assert list_signals().count() == 1
        assert {row.reason for row in list_open_quarantine()} == {"unsupported_object", "in_the_future"}

    def test_a_hundred_are_taken_and_one_more_is_not(self):
        _assert_acknowledged(_post(_many(100)))
        assert list_signals().count() == 100

        assert _post(_many(101)).status_code == 400

    def test_the_session_of_the_sender_is_kept_nowhere(self):
        _post()

        opened = list_open_quarantine().get()
        sealed = (None, bytes(opened.sealed), opened.id.bytes)
        [payload] = open_sealed(items=[sealed], actor="system:test", purpose="test", now=timezone.now())
        assert b"Quill" in payload
        assert b"session" not in payload.lower()

    def test_it_is_not_acknowledged_when_nothing_was_committed(self):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
        with _locked_by_somebody_else():
            response = _post()

        assert response.status_code >= 500
        assert b"Ack" not in response.content


@pytest.mark.django_db
class TestStranger:
    @pytest.mark.parametrize("key", ["", "another-key-altogether", KEY + "x", "ключ"])
    def test_without_a_key_nothing_is_read(self, key):
        assert _post(b"<not xml", key=key).status_code == 401

    def test_without_keys_the_door_is_closed(self, settings):
        settings.SALESFORCE_OUTBOUND_KEYS = []

        assert _post(key="").status_code == 401

    @pytest.mark.parametrize("organization", ["", "00D5g00000ABCdfEAF", "00d5g00000abcdeEAF"])
    def test_another_organisation_is_refused(self, settings, organization):
        settings.SALESFORCE_ORGANIZATION_ID = organization

        assert _post().status_code == 403

    def test_the_short_form_of_the_id_is_the_same_organisation(self, settings):
        settings.SALESFORCE_ORGANIZATION_ID = ORGANIZATION[:15]

        _assert_acknowledged(_post())

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<not xml",
            b"{}",
            b"\xff\xfe",
            BOMB,
            FILE,
            b"<a/>",
            b"<a>" * 100_000 + b"</a>" * 100_000,
            MESSAGE.replace(b"Notification>", b"Other>"),
            MESSAGE.replace(b"04l5g00000nrC5BAAU", b"'; --"),
            MESSAGE.replace(b"UTF-8", b"no-such-encoding"),
        ],
    )
    def test_what_is_no_message_is_refused(self, body):
        assert _post(body).status_code == 400
        assert not list_signals().exists()
        assert not list_open_quarantine().exists()

    def test_too_much_is_refused(self):
        assert _post(MESSAGE + b" " * (5 * 1024 * 1024)).status_code == 413


@contextmanager
def _locked_by_somebody_else():
    """Hold the keys of the signals in another connection, so that ours can't commit anything."""
    owner = settings.DATABASES["owner"]
    login = {name.lower(): owner[name] for name in ("HOST", "PORT", "USER", "PASSWORD")}
    with psycopg.connect(dbname=connection.settings_dict["NAME"], **login) as other:
        other.execute("LOCK TABLE signal_keys IN ACCESS EXCLUSIVE MODE")
        yield
