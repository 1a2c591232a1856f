"""From a webhook that nobody understood, over a mended catalogue, to one signal: through every door."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection

from compliance import erasure, subjects
from compliance.selectors import list_audit_events
from integrations.standard_webhooks import sign
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in
from signals.services import quarantine_mappers
from signals.services.quarantine import quarantine
from signals.services.quarantine_replay import replay_payload

pytestmark = pytest.mark.django_db
ADA = "ada@northwind.example"
BODY = {"Id": "006-1", "AccountId": "001-1", "StageName": "Closed Won", "ContactEmail": ADA, "Amount": 7}
QuarantinedPayload, Signal, SignalType = (
    apps.get_model("signals", name) for name in ("QuarantinedPayload", "Signal", "SignalType")
)
SECRET = "the-secret-of-this-test"
LIST = "/api/signals/quarantine"
READ, WRITE, OPEN = "signals:read", "signals:write", "quarantine:open"


@pytest.fixture(autouse=True)
def _door(settings):
    settings.ALLOW_UNSIGNED_WEBHOOKS, settings.SALESFORCE_WEBHOOK_SECRETS = True, [SECRET]


@pytest.fixture
def narrow_catalogue():
    """A catalogue without won deals, so that their webhooks wait; what is yielded mends it."""
    row = SignalType.objects.get(name="opportunity_won")
    SignalType.objects.filter(name=row.name).delete()
    return lambda: row.save(force_insert=True)


def post(client, body, *, webhook_id=""):
    raw = json.dumps(body).encode()
    headers = {}
    if webhook_id:
        at = int(time.time())
        signature = sign(secret=SECRET, webhook_id=webhook_id, timestamp=at, body=raw)
        headers = {
            "webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": signature,
        }  # fmt: skip
    return client.post(
        "/api/integrations/salesforce/webhook", raw, content_type="application/json", headers=headers
    ).json()


def kept(client, body=BODY, **given):
    [item] = post(client, body, **given)["quarantined"]
    return item["id"]


class TestOne:
    def test_a_mended_mapping_makes_one_signal_however_often_it_is_replayed(
        self, client, api_client, narrow_catalogue
    ):
        payload_id = kept(client, webhook_id="msg-1")
        received_at = QuarantinedPayload.objects.get().received_at
        api = api_client(READ, WRITE)
        url = f"{LIST}/{payload_id}/replay"

        assert api.post(url).json() == {
            "id": payload_id, "status": "quarantined", "reason": "unknown_type", "signal_ids": [],
        }  # fmt: skip
        narrow_catalogue()
        first, second = api.post(url).json(), api.post(url).json()

        assert first == second
        assert first["status"] == "accepted"
        signal = Signal.objects.get()
        assert first["signal_ids"] == [str(signal.id)]
        # Salesforce gave no time: the event has that of its receipt, and is known from now on.
        assert signal.occurred_at == received_at < signal.received_at
        assert signal.subject_id == subjects.find_subject(email=ADA)
        # The delivery's own id is its natural key still, so a repetition counts nothing.
        [repeated] = post(client, BODY, webhook_id="msg-1")["signals"]
        assert repeated == {"id": str(signal.id), "status": "duplicate"}
        names = [event.name for event in list_audit_events(target_id=payload_id)]
        assert names == ["quarantine.replayed", "quarantine.replayed", "signal.quarantined"]

    def test_a_clock_that_ran_ahead_is_judged_as_on_receipt(self, client, api_client):
        ahead = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
        payload_id = kept(client, BODY | {"LastModifiedDate": ahead})
        later = datetime.now(UTC) + timedelta(hours=1)

        result = replay_payload(payload_id=payload_id, actor="user:1", now=later)

        assert (result.status, result.reason) == ("quarantined", "in_the_future")

    def test_what_an_erasure_left_is_said_and_makes_nothing(self, client, api_client, narrow_catalogue):
        payload_id = kept(client)
        narrow_catalogue()
        erasure.erase(subject_id=subjects.find_subject(email=ADA), actor="user:1", now=datetime.now(UTC))
        api = api_client(READ, WRITE, OPEN)

        detail = api.get(f"{LIST}/{payload_id}?content=true").json()

        assert (detail["is_gone"], detail["content"]) == (True, None)
        assert api.post(f"{LIST}/{payload_id}/replay").json()["status"] == "gone"
        assert api.get(LIST).json()["counts"][0]["gone"] == 1
        assert b"The content is gone" in sign_in("admin").get(f"/signals/quarantine/{payload_id}").content
        assert not Signal.objects.exists()

    def test_opening_needs_its_scope_and_is_audited(self, client, api_client, narrow_catalogue):
        payload_id = kept(client)
        url = f"{LIST}/{payload_id}"

        assert api_client(READ, WRITE).get(f"{url}?content=true").status_code == 403
        assert api_client(READ, OPEN).get(url).json()["content"] is None
        assert not list_audit_events(name="quarantine.opened").exists()
        content = api_client(READ, OPEN).get(f"{url}?content=true").json()["content"]

        assert json.loads(content) == BODY
        assert list_audit_events(name="quarantine.opened", target_id=payload_id).count() == 1
        assert list_audit_events(name="subject.opened").count() == 1

    def test_a_token_of_one_source_replays_that_one_only(self, client, api_client, narrow_catalogue):
        payload_id = kept(client)
        other, own = api_client(WRITE, source="hubspot"), api_client(WRITE, source="salesforce")

        assert other.post(f"{LIST}/{payload_id}/replay").status_code == 403
        assert other.post(f"{LIST}/replay", {"source": "salesforce"}).status_code == 403
        assert other.post(f"{LIST}/replay", {}).json()["statuses"] == {}
        assert own.post(f"{LIST}/replay", {}).json()["statuses"] == {"quarantined": 1}
        assert api_client(READ).post(f"{LIST}/replay", {}).status_code == 403


class TestMany:
    def test_those_of_a_reason_end_and_the_others_stay(self, client, api_client, narrow_catalogue):
        for n in range(5):
            kept(client, BODY | {"Id": f"006-{n}"})
        kept(client, {"Id": "006-9", "AccountId": ""})
        quarantine(source="gone-source", reason="unknown_type", payload=b"{}", now=datetime.now(UTC))
        narrow_catalogue()
        api = api_client(READ, WRITE)
        before = api.get(LIST).json()["counts"]

        answer = api.post(f"{LIST}/replay", {"source": "salesforce", "reason": "unknown_type"}).json()
        rest = api.post(f"{LIST}/replay", {}).json()

        assert {(c["source"], c["reason"], c["waiting"]) for c in before} == {
            ("salesforce", "unknown_type", 5), ("salesforce", "missing_account_id", 1),
            ("gone-source", "unknown_type", 1),
        }  # fmt: skip
        assert (answer["statuses"], answer["remaining"]) == ({"accepted": 5}, 0)
        assert rest["still_waiting"] == {"missing_account_id": 1, "no_mapper": 1}
        again = api.post(f"{LIST}/replay", {"untried_since": rest["started_at"]}).json()
        assert (again["statuses"], again["remaining"]) == ({}, 0)

    def test_a_mapper_that_breaks_holds_up_nobody(self, client, api_client, monkeypatch):
        monkeypatch.setitem(quarantine_mappers._mappers, "broken", lambda delivery: 1 / 0)
        now = datetime.now(UTC)
        quarantine(source="broken", reason="x", payload=b"{}", now=now - timedelta(days=1))
        kept(client, BODY | {"AccountId": ""})

        answer = api_client(WRITE).post(f"{LIST}/replay", {}).json()

        assert answer["statuses"] == {"failed": 1, "quarantined": 1}
        assert QuarantinedPayload.objects.get(source="broken").state == "open"


class TestPages:
    def test_counts_filters_and_dead_work(self, client, narrow_catalogue):
        kept(client)
        now = datetime.now(UTC)
        quarantine(source="old-source", reason="old_one", payload=b"{}", now=now - timedelta(days=9))
        add_dead_work(now)
        admin = sign_in("admin")

        page = admin.get("/signals/quarantine")
        old = admin.get("/signals/quarantine", {"age": "7"})

        check_page(page)
        assert b"Unknown type" in page.content
        assert b"builtins.RuntimeError" in page.content
        assert [row.reason for row in old.context["page"].rows] == ["old_one"]
        assert admin.get("/signals/quarantine", {"state": "resolved"}).context["page"].rows == []
        admin.post("/signals/quarantine", {"group": "context-engine"})
        assert workitems.count_dead() == []
        assert list_audit_events(name="work.replayed").get().actor == f"user:{admin.person.pk}"
        reviewer = sign_in("reviewer")
        assert b"Replay all" not in reviewer.get("/signals/quarantine").content
        assert reviewer.post("/signals/quarantine", {"group": "context-engine"}).status_code == 403

    def test_content_is_text_and_only_for_those_who_may_open_it(self, client, narrow_catalogue):
        payload_id = kept(client, BODY | {"Note": "<script>alert(1)</script>"})
        url = f"/signals/quarantine/{payload_id}"
        admin, reviewer = sign_in("admin"), sign_in("reviewer")

        closed, opened = admin.get(url), admin.post(url, {"move": "open"})

        check_page(opened)
        assert ADA.encode() not in closed.content
        assert ADA.encode() in opened.content
        assert b"<script>alert" not in opened.content
        assert opened["Cache-Control"] == "no-store"
        assert {reviewer.post(url, {"move": m}).status_code for m in ("open", "replay", "dismiss")} == {403}
        narrow_catalogue()
        assert b"A signal was made of it" in admin.post(url, {"move": "replay"}, follow=True).content
        assert Signal.objects.count() == 1

    def test_closing_without_a_signal_is_audited_and_final(self, client, narrow_catalogue):
        payload_id = kept(client)
        narrow_catalogue()
        admin = sign_in("admin")
        for _ in range(2):
            admin.post(f"/signals/quarantine/{payload_id}", {"move": "dismiss"})

        assert list_audit_events(name="quarantine.dismissed").count() == 1
        result = replay_payload(payload_id=payload_id, actor="user:1", now=datetime.now(UTC))
        assert (result.status, Signal.objects.count()) == ("dismissed", 0)


def add_dead_work(now):
    def fail(items):
        raise RuntimeError("x")

    event = Event(type="signal.ingested", key="k", data={"signal_id": "x"}, occurred_at=now)
    workitems.add(group="context-engine", events=[event], now=now)
    for _ in range(workitems.MAX_ATTEMPTS):
        now += timedelta(hours=1)
        workitems.process(group="context-engine", handle=fail, limit=10, now=now)


@pytest.mark.django_db(transaction=True)
def test_two_replays_at_once_make_one_signal():
    raw = json.dumps(BODY).encode()
    payload_id = quarantine(source="salesforce", reason="x", payload=raw, now=datetime.now(UTC))

    def replay(n):
        try:
            return replay_payload(payload_id=payload_id, actor=f"user:{n}", now=datetime.now(UTC))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        results = set(threads.map(replay, range(6)))

    assert {result.status for result in results} == {"accepted"}
    assert len({result.signal_ids for result in results}) == 1
    assert Signal.objects.count() == 1
