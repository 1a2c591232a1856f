"""Whatever door a payload came through: once understood it counts once, and its repetition not at all."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps

from integrations import hubspot, segment
from integrations.generic.services import save_source
from integrations.models import MappedSource
from integrations.salesforce import tests as salesforce_tests
from integrations.salesforce.changes.tests.factories import ACCOUNT, change
from integrations.salesforce.changes.tests.test_storing import store
from integrations.standard_webhooks import sign
from integrations.tests.doors import post
from signals.services.quarantine_replay import replay_waiting

pytestmark = pytest.mark.django_db
QuarantinedPayload, Signal, SignalType = (
    apps.get_model("signals", name) for name in ("QuarantinedPayload", "Signal", "SignalType")
)
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
SECRET, KEY, ORGANIZATION = "a-secret-of-sixteen-or-more", "a-key-of-this-test", "00D5g00000ABCdeEAF"
EVENTS = {"events": [{"kind": "demo_requested", "who": "acme.test", "n": n} for n in range(2)]}


def _fixture(package, name):
    text = (Path(package.__file__).parent / name).read_text()
    return text.replace("2026-11-22", YESTERDAY).encode()


def _send_segment():
    post("/api/integrations/segment/webhook", _fixture(segment, "tests/fixtures/journey.json"))


def _send_hubspot():
    post("/api/integrations/hubspot/webhook", _fixture(hubspot, "tests/fixtures/deal_journey.json"))


def _send_outbound_message():
    raw = _fixture(salesforce_tests, "fixtures/outbound_message.xml")
    post(f"/api/integrations/salesforce/outbound-messages?key={KEY}", raw, content_type="text/xml")


_CHANGES = [change("CREATE", AccountId=ACCOUNT, StageName="Prospecting"), change(StageName="Demo Scheduled")]


def _send_changes():
    store(*_CHANGES)


def _send_generic():
    raw, at = json.dumps(EVENTS).encode(), int(time.time())
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(at),
        "webhook-signature": sign(secret=SECRET, webhook_id="msg_1", timestamp=at, body=raw),
    }  # fmt: skip
    answer = post("/api/integrations/generic/forms/webhook", raw, headers)
    assert answer.status_code == 202, answer.content


@pytest.fixture(autouse=True)
def _doors(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS = True
    settings.SALESFORCE_OUTBOUND_KEYS, settings.SALESFORCE_ORGANIZATION_ID = [KEY], ORGANIZATION
    source = MappedSource(
        slug="forms", label="Forms", enabled=True, events="events", type="kind", external_id="who",
        account_domain="who",
    )  # fmt: skip
    save_source(source=source, new_secret=SECRET, forget_former=False, actor="user:1", now=datetime.now(UTC))


def replay():
    return replay_waiting(actor="user:1", now=datetime.now(UTC)).statuses


@pytest.mark.parametrize(
    ("send", "signals"),
    [
        (_send_segment, 3),
        (_send_hubspot, None),
        (_send_outbound_message, 2),
        (_send_changes, 2),
        (_send_generic, 2),
    ],
)
def test_a_mended_catalogue_lets_every_waiting_payload_count_once(send, signals):
    types = list(SignalType.objects.all())
    SignalType.objects.all().delete()
    send()
    waiting = QuarantinedPayload.objects.filter(reason="unknown_type").count()
    assert waiting == (signals or waiting) > 0
    assert not Signal.objects.exists()
    assert replay()["quarantined"] >= waiting

    SignalType.objects.bulk_create(types)
    assert replay()["accepted"] == waiting
    before = set(Signal.objects.values_list("id", flat=True))
    send()

    assert set(Signal.objects.values_list("id", flat=True)) == before
    assert len(before) == waiting


def test_a_mended_mapping_reads_a_body_that_no_event_was_found_in():
    MappedSource.objects.update(events="items")
    _send_generic()
    assert replay() == {"quarantined": 1}
    MappedSource.objects.update(events="events")

    assert replay() == {"accepted": 1}
    _send_generic()

    assert Signal.objects.count() == len(EVENTS["events"])


def test_the_payloads_of_a_source_that_is_gone_wait_on():
    MappedSource.objects.update(events="items")
    _send_generic()
    MappedSource.objects.all().delete()

    assert replay() == {"quarantined": 1}
    assert QuarantinedPayload.objects.get().reason == "no_mapper"
