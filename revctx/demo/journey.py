"""The journey: webhook, score, draft, approval, sent e-mail, audit rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from revctx.demo import hops
from revctx.demo.client import Caller, DemoFailed, require, wait_for

BRIEF_BODY = {"AccountId": "test-account-001", "Id": "oppty-123", "StageName": "Demo Scheduled"}
AUDITED = ("signal.ingested", "action.proposed", "action.approved", "action.executed")
Report = Callable[[str, str], None]


@dataclass
class Stopwatch:
    """Tells each hop with its time since the first."""

    report: Report
    started: float = field(default_factory=time.monotonic)

    def hop(self, name: str, detail: str = "") -> None:
        """Report a hop that has just been seen."""
        self.report(f"{time.monotonic() - self.started:7.2f} s  {name:<10}", detail)


@dataclass(frozen=True)
class Journey:
    """A fresh account, its contact, and the callers that take it through."""

    name: str
    request_id: str
    integrator: Caller
    approver: Caller

    @property
    def email(self) -> str:
        """Return the contact's address, at a domain that can't exist."""
        return f"robin@{self.name}.example"


def begin() -> Journey:
    """Make the callers and name a fresh account.

    Raises:
        DemoFailed: no stack is running here.
    """
    name = f"demo-{uuid4().hex[:10]}"
    base_url, request_id = require("REVCTX_URL"), f"trace-{name}"
    callers = [
        Caller(base_url=base_url, token=require(variable), request_id=request_id)
        for variable in ("REVCTX_TOKEN", "REVCTX_TOKEN_2")
    ]
    return Journey(name, request_id, *callers)


def post_the_brief(journey: Journey, report: Report) -> None:
    """Post the brief's body, unsigned as in the brief; again is a duplicate, and both are right."""
    path = "/api/integrations/salesforce/webhook"
    answer = journey.integrator.post(path, BRIEF_BODY, expect=202).body["signals"][0]
    if answer["status"] not in {"accepted", "duplicate"}:
        raise DemoFailed(f"the brief's webhook was answered {answer}")
    report("brief's webhook", f"{answer['status']}, signal {answer['id']}")
    signal = journey.integrator.get(f"/api/signals/{answer['id']}")
    report("signal in DB", f"{signal['type']} from {signal['source']}")

    def scored() -> dict[str, Any] | None:
        account = journey.integrator.find("/api/accounts/test-account-001/score")
        parts = account["contributions"] if account else ()
        return account if any(answer["id"] in part["signal_ids"] for part in parts) else None

    score = wait_for("intent_score of test-account-001", scored)
    report("intent_score", f"{score['intent']:.1f}, {score['band']}")


def follow(journey: Journey, report: Report) -> None:
    """Take a fresh account with a consented contact from the first signal to the sent e-mail."""
    _grant(journey)
    _warm_up(journey)
    before = _score(journey)["intent"]
    watch = Stopwatch(report)
    signal_id = _post_demo_scheduled(journey)
    watch.hop("stored", f"signal {signal_id}")
    _follow_the_bus(journey, signal_id, watch, before)
    action = _wait_for_draft(journey, watch)
    _approve(journey, action, watch)
    executed = _wait_for_execution(journey, action, watch)
    _count_sends(executed, watch)
    _check_audit(journey, executed, watch)


def review_task(journey: Journey, report: Report) -> None:
    """Show the brief's own workflow: without a consented contact, intent becomes a review task."""
    name = f"{journey.name}-b"
    _post_signal(journey, name, "demo_requested", hours_ago=1.0)
    _post_signal(journey, name, "meeting_booked", hours_ago=0.5)
    _post_signal(journey, name, "pricing_page_view", hours_ago=0.2)
    body = {"AccountId": name, "Id": f"{name}-op", "StageName": "Demo Scheduled"}
    journey.integrator.post("/api/integrations/salesforce/webhook", body, expect=202)
    action = wait_for("a review task", lambda: _find_pending(journey, name))
    if action["kind"] != "review_task":
        raise DemoFailed(f"an account without consent got an action of kind {action['kind']}")
    report("review task", f"{action['id']}, because nobody there has consented")


def _grant(journey: Journey) -> None:
    journey.integrator.post(
        "/api/consent",
        {
            "email": journey.email,
            "purpose": "outreach",
            "channel": "email",
            "jurisdiction": "EU",
            "notice_version": "v3",
            "source": "demo",
        },
        expect=201,
    )


def _warm_up(journey: Journey) -> None:
    """Give the account some interest, so that the webhook is what takes it over the threshold."""
    person = {"email": journey.email, "name": "Robin Vale", "title": "Head of Operations"}
    _post_signal(journey, journey.name, "content_download", hours_ago=60, person=person)
    _post_signal(journey, journey.name, "pricing_page_view", hours_ago=30, person=person)
    wait_for("the first score", lambda: journey.integrator.find(f"/api/accounts/{journey.name}/score"))


def _post_signal(
    journey: Journey, account: str, type_: str, *, hours_ago: float, person: dict[str, str] | None = None
) -> None:
    occurred_at = datetime.now(UTC) - timedelta(hours=hours_ago)
    body: dict[str, Any] = {
        "source": "web",
        "type": type_,
        "external_id": f"{account}-{type_}-{hours_ago}",
        "occurred_at": occurred_at.isoformat(),
        "account": {"crm_id": account, "name": account},
    }
    journey.integrator.post("/api/signals", body | ({"person": person} if person else {}), expect=202)


def _score(journey: Journey) -> dict[str, Any]:
    score: dict[str, Any] = journey.integrator.get(f"/api/accounts/{journey.name}/score")
    return score


def _post_demo_scheduled(journey: Journey) -> str:
    body = {
        "AccountId": journey.name,
        "Id": f"{journey.name}-op",
        "StageName": "Demo Scheduled",
        "ContactEmail": journey.email,
    }
    answer = journey.integrator.post("/api/integrations/salesforce/webhook", body, expect=202)
    return str(answer.body["signals"][0]["id"])


def _follow_the_bus(journey: Journey, signal_id: str, watch: Stopwatch, before: float) -> None:
    event_id = wait_for("the event in the outbox", lambda: hops.find_event_of_signal(signal_id))
    wait_for("the event in Kafka", lambda: hops.is_published(event_id))
    watch.hop("published", "signal.ingested")
    wait_for("the work item", lambda: hops.is_bridged(event_id))
    watch.hop("bridged", "context-engine")
    wait_for("the score", lambda: hops.is_worked_off(event_id))
    after = _score(journey)
    watch.hop("scored", f"{before:.1f} → {after['intent']:.1f}, {after['band']}")
    if after["intent"] <= before:
        raise DemoFailed("the webhook did not raise the intent score")


def _find_pending(journey: Journey, account: str) -> dict[str, Any] | None:
    """Return the pending action of an account, by its reference."""
    found = journey.integrator.find(f"/api/accounts/{account}")
    if found is None:
        return None
    page = journey.approver.get("/api/actions/pending", limit="500")
    return next((item for item in page["results"] if item["context"]["account_id"] == found["id"]), None)


def _wait_for_draft(journey: Journey, watch: Stopwatch) -> dict[str, Any]:
    pending = wait_for("a pending action", lambda: _find_pending(journey, journey.name))
    action: dict[str, Any] = journey.approver.get(f"/api/actions/{pending['id']}")
    watch.hop("drafted", f"{action['kind']}, “{action['draft']['subject']}”, {action['agent_line']}")
    consent = action["contact"]["consent"]
    watch.hop("consent", f"{consent['reason']}, revision {consent['revision_id']}")
    if action["kind"] != "email" or not consent["allowed"]:
        raise DemoFailed("a consented contact should have led to an e-mail")
    return action


def _approve(journey: Journey, action: dict[str, Any], watch: Stopwatch) -> None:
    content_hash = action["draft"]["content_hash"]
    body = {"version": action["version"], "content_hash": content_hash, "note": "demo"}
    answer = journey.approver.post(f"/api/actions/{action['id']}/approve", body, expect=200)
    watch.hop("approved", f"exactly {content_hash[:12]}…")
    watch.hop("hold", f"until {answer.body['execute_after']}, undo until then")


def _wait_for_execution(journey: Journey, action: dict[str, Any], watch: Stopwatch) -> dict[str, Any]:
    def finished() -> dict[str, Any] | None:
        now = journey.approver.get(f"/api/actions/{action['id']}")
        return now if now["state"] not in {"approved", "executing"} else None

    # Each look opens the letter, which the audit log notes, so look seldom.
    executed = wait_for("the execution", finished, seconds=120, pause=0.5)
    watch.hop("executed", executed["state"])
    if executed["state"] != "executed":
        raise DemoFailed(f"the action ended as {executed['state']}")
    return executed


def _count_sends(action: dict[str, Any], watch: Stopwatch) -> None:
    """Ask the sandbox, which stands for the e-mail provider, how often it was asked to send."""
    parts = urlsplit(require("OUTREACH_BASE_URL"))
    sent = httpx2.get(f"{parts.scheme}://{parts.netloc}/sandbox/sent", timeout=10).json()
    links = [mailing["attributes"]["headers"]["List-Unsubscribe"] for mailing in sent["mailings"]]
    count = sum(f"/unsubscribe/{action['id']}" in link for link in links)
    if count != 1:
        raise DemoFailed(f"the sandbox was asked to send {count} times, not once")
    watch.hop("sent", "once, counted at the sandbox")


def _check_audit(journey: Journey, action: dict[str, Any], watch: Stopwatch) -> None:
    for name in AUDITED:
        page = journey.integrator.get("/api/audit/events", request_id=journey.request_id, name=name)
        if not page["results"]:
            raise DemoFailed(f"under {journey.request_id} the audit log lacks {name}")
    watch.hop("audited", f"{', '.join(AUDITED)} under {journey.request_id}")
