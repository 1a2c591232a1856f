"""One webhook through every process to the sent e-mail, under one request id."""

import json
import time
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import redis
from celery import current_app
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from compliance import consent
from compliance.datamap import find_cache_place
from integrations.standard_webhooks import sign
from revctx.api.scopes import SCOPES
from revctx.api.tokens import issue_token
from revctx.tests.database import number, rows
from revctx.tests.processes import Processes
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

ACCOUNT = "pipeline-account"
CONTACT = PersonDraft(email="lea.brandt@brightloom.example", name="Lea Brandt", title="Head of Operations")
WEBHOOK_ID, APPROVAL_ID = "webhook-trace-1", "approval-trace-1"
PROCESSES = (
    "sandbox",
    "relay",
    "bridge-context-engine",
    "bridge-orchestration-engine",
    "context-engine-1",
    "orchestration-engine-1",
)


@pytest.fixture
def approver(transactional_db: None) -> User:
    return User.objects.create_user("approver")


@pytest.fixture
def api(approver: User) -> Client:
    token = issue_token(user=approver, label="pipeline test", scopes=SCOPES, now=timezone.now())
    return Client(headers={"Authorization": f"Bearer {token}"})


def consent_and_history() -> int:
    """Let the contact consent, and the account have enough history to be warm; return its signals."""
    now = timezone.now()
    consent.grant(
        email=CONTACT.email,
        purpose="outreach",
        channel="email",
        jurisdiction="EU",
        notice_version="v3",
        source="web form",
        actor="system:test",
        now=now,
    )
    history = (
        ("page_view", 9.0),
        ("content_download", 6.5),
        ("pricing_page_view", 2.2),
        ("pricing_page_view", 1.1),
    )
    drafts = [
        SignalDraft(
            source="web",
            type=signal_type,
            external_id=f"history-{days}",
            occurred_at=now - timedelta(days=days),
            account={"crm_id": ACCOUNT},
            person=CONTACT,
        )
        for signal_type, days in history
    ]
    return len(ingest_signals(drafts=drafts, actor="system:test", now=now))


def post_webhook() -> dict[str, Any]:
    """Post the brief's body for our account, signed, as Salesforce would."""
    body = json.dumps({"AccountId": ACCOUNT, "Id": "oppty-123", "StageName": "Demo Scheduled"}).encode()
    timestamp = int(time.time())
    [secret] = django_settings.SALESFORCE_WEBHOOK_SECRETS
    signature = sign(secret=secret, webhook_id="message-1", timestamp=timestamp, body=body)
    headers = {
        "webhook-id": "message-1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
        "X-Request-ID": WEBHOOK_ID,
    }
    answer = Client().post(
        "/api/integrations/salesforce/webhook", body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 202, answer.content
    assert answer.headers["X-Request-ID"] == WEBHOOK_ID
    receipt: dict[str, Any] = answer.json()
    return receipt


def list_pending(api: Client) -> list[dict[str, Any]]:
    answer = api.get("/api/actions/pending")
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def approve(api: Client, action: dict[str, Any]) -> None:
    body = {"version": action["version"], "content_hash": action["content_hash"]}
    answer = api.post(
        f"/api/actions/{action['id']}/approve",
        body,
        content_type="application/json",
        headers={"X-Request-ID": APPROVAL_ID},
    )
    assert answer.status_code == 200, answer.content


def is_executed(action_id: str) -> bool:
    """Do beat's hint, then look."""
    current_app.send_task("orchestration.tasks.execute_due")
    return bool(rows("SELECT id FROM actions WHERE id = %s AND state = 'executed'", action_id))


@pytest.mark.kafka
def test_a_webhook_becomes_one_sent_email(
    processes: Processes, api: Client, approver: User, settings: Any, redis_server: redis.Redis
) -> None:
    settings.APPROVAL_HOLD_SECONDS = 1
    processes.start(*PROCESSES)
    history = consent_and_history()
    processes.wait_for(
        "the history to be scored",
        lambda: number("SELECT count(*) FROM contexts_ledgerentry") == history,
        seconds=60,
    )
    assert rows("SELECT band FROM account_contexts") != [("hot",)]

    [stored] = post_webhook()["signals"]
    assert stored["status"] == "accepted"
    processes.wait_for("the draft", lambda: bool(list_pending(api)), seconds=30)
    [action] = list_pending(api)
    assert action["kind"] == "email"
    assert stored["id"] in json.dumps(action["context"]), "the draft rests on the signal"
    assert action["preview"]["subject"]
    assert action["reasoning"]["points"]
    assert sent(processes) == []

    approve(api, action)
    processes.wait_for("the e-mail", lambda: is_executed(action["id"]), seconds=30)

    [mailing] = sent(processes)
    assert action["preview"]["subject"] in json.dumps(mailing)
    assert_one_request_id_all_the_way(action["id"], approver)
    assert_no_address_leaves_its_place()
    assert_redis_holds_what_is_listed(redis_server)


def sent(processes: Processes) -> list[dict[str, Any]]:
    mailings: list[dict[str, Any]] = httpx2.get(f"{processes.sandbox_url}/sandbox/sent").json()["mailings"]
    return mailings


def assert_one_request_id_all_the_way(action_id: str, approver: User) -> None:
    by_webhook = {row[0] for row in rows("SELECT name FROM audit_logs WHERE request_id = %s", WEBHOOK_ID)}
    moves = {"action.proposed", "action.started", "action.executed"}
    assert {"signal.ingested", "context.updated", *moves} <= by_webhook
    approval = rows(
        "SELECT name, actor FROM audit_logs WHERE request_id = %s AND target_id = %s", APPROVAL_ID, action_id
    )
    assert approval == [("action.approved", f"user:{approver.pk}")]
    events = {row[0] for row in rows("SELECT type FROM outbox_events WHERE request_id = %s", WEBHOOK_ID)}
    assert {"signal.ingested", "context.updated", "action.proposed", "action.executed"} <= events
    worked = rows('SELECT DISTINCT "group" FROM work_items WHERE request_id = %s', WEBHOOK_ID)
    assert sorted(worked) == [("context-engine",), ("orchestration-engine",)]


def assert_no_address_leaves_its_place() -> None:
    """No table that is shown, published or logged holds the contact's address or name."""
    for table in ("audit_logs", "outbox_events", "work_items", "actions", "account_contexts", "signals"):
        text = "\n".join(row[0] for row in rows(f"SELECT t::text FROM {table} t"))
        assert text, table
        assert CONTACT.email not in text, table
        assert "Brandt" not in text, table


def assert_redis_holds_what_is_listed(server: redis.Redis) -> None:
    """Every key of the running system has its place in the data map."""
    keys = [key.decode() for key in server.scan_iter()]
    assert any(key.startswith("revctx:worker:") for key in keys)
    assert [key for key in keys if find_cache_place(key) is None] == []
