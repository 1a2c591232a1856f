"""Plant a person at every way in: the vendors' doors, the API, the pages, the queue, the admin, a file."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from compliance import consent
from integrations.salesforce.changes.storing import store_page
from integrations.salesforce.changes.stream import ChangePage, ReceivedChange
from integrations.salesforce.changes.tests.factories import ACCOUNT, change
from orchestration import unsubscribing
from orchestration.tests.stories import list_letters, send_what_is_approved
from revctx.tests import hostile_doors, planting
from revctx.web.tests.people import sign_in
from signals.tests import importing_files

CANARY = "kanarienvogel7"
EMAIL = f"{CANARY}.mail@{CANARY}-home.example"
WORD = f"{CANARY} text"
HOT = ("demo_requested", "pricing_page_view", "trial_started", "meeting_booked")
ACCOUNTS = ("canary-account", "canary-second", "canary-third")
WRITER = (
    "signals:write",
    "consent:read",
    "consent:write",
    "privacy:write",
    "accounts:read",
    "accounts:write",
    "lab:write",
)


def send_signals(client: Any, *, number: int = 0, account: str = ACCOUNTS[0]) -> None:
    """Send one signal of each hot kind, about the person."""
    now = datetime.now(UTC)
    for index, kind in enumerate(HOT):
        body = {
            "source": "web",
            "type": kind,
            "external_id": f"{CANARY}-{account}-{number + index}",
            "occurred_at": (now - timedelta(minutes=number + index + 1)).isoformat(),
            "account": {"crm_id": account},
            "person": {"email": EMAIL, "name": f"{CANARY} name", "title": f"{CANARY} VP"},
            "strength": 10,
        }
        answer = client.post("/api/signals", body)
        assert answer.status_code == 202, answer.content


def knock_at_the_doors(token: str) -> None:
    """Send each vendor's document and each way of sending ours, signed, about the person."""
    hostile_doors.make_source()
    with hostile_doors.open_doors():
        for door in hostile_doors.make_doors(token).values():
            document = planting.with_person(door.sample, email=EMAIL, word=WORD)
            answer = door.post(door.print(document))
            assert answer.status_code in (202, 207), (door.name, answer.content)
            odd = {"Id": "", "AccountId": "x", "ContactEmail": EMAIL, "ContactName": WORD, "Note": WORD}
            answer = door.post(door.print([odd] if isinstance(door.sample, list) else odd))
            assert answer.status_code < 500, (door.name, answer.content)
        envelope = planting.soap(organization=hostile_doors.ORGANIZATION, email=EMAIL, word=WORD)
        answer = Client().post(
            f"/api/integrations/salesforce/outbound-messages?key={hostile_doors.SECRET}",
            envelope,
            content_type="text/xml",
        )
        assert answer.status_code == 200, answer.content


def follow_changes() -> None:
    """Store a page of the CRM's change stream: one event that is understood, and what is not."""
    fields = {"Name": WORD, "Description": WORD, "ContactEmail": EMAIL, "StageName": "Demo Scheduled"}
    changes = (
        change(AccountId=ACCOUNT, **fields),
        change(records=("0065g00000OppTwoAAA",), **fields),
        change("GAP_UPDATE", records=("0065g00000OppTwoAAA",), **fields),
    )
    page = ChangePage(
        changes=tuple(
            ReceivedChange(replay_id=bytes([n]), payload=payload, raw=json.dumps(payload).encode())
            for n, payload in enumerate(changes)
        ),
        position=b"\x07",
    )
    store_page(topic="/data/OpportunityChangeEvent", page=page, now=timezone.now())


def tell_consent_and_requests(client: Any) -> None:
    """Record, ask for and withdraw consent, and file requests; the person consents at the end."""
    consent.grant(
        email=EMAIL,
        jurisdiction="DE",
        notice_version="1",
        source="form",
        proof=WORD,
        actor="user:1",
        now=datetime.now(UTC),
    )
    given = {"email": EMAIL, "jurisdiction": "DE", "notice_version": "1", "source": "form"}
    assert client.post("/api/consent", given).status_code == 201
    refused = client.post("/api/consent", given | {"source": EMAIL, "notice_version": EMAIL})
    assert refused.status_code == 422, refused.content
    assert client.post("/api/consent/check", {"email": EMAIL}).status_code == 200
    assert client.post("/api/consent/history", {"email": EMAIL}).status_code == 200
    assert client.post("/api/consent/revoke", {"email": EMAIL, "source": "form"}).status_code == 200
    assert client.delete(f"/api/consent/{planting.quoted(EMAIL)}").status_code < 300
    assert client.post("/api/consent", given).status_code == 201
    for kind, extra in (("access", {}), ("rectification", {"corrections": {"name": f"{CANARY} right"}})):
        body = {"type": kind, "identity": {"email": EMAIL}, "jurisdiction": "DE", "verified_by": "officer"}
        assert client.post("/api/privacy/requests", body | extra).status_code == 201


def type_into_staff_fields(client: Any) -> None:
    """Put the address where staff name tests, breaches and accounts: it is refused, and kept nowhere."""
    now = datetime.now(UTC).isoformat()
    breach = {
        "summary": f"Lost {EMAIL}", "nature": "confidentiality", "risk": "risk", "places": ["signals"],
        "recorded_until": now, "aware_at": now,
    }  # fmt: skip
    pair = {"kind": "account", "merged": EMAIL, "survivor": WORD}
    unknown = "00000000-0000-4000-8000-000000000000"
    for path, body in (
        ("/api/compliance/breaches", breach),
        ("/api/identity/merges", pair),
        ("/api/identity/merges/preview", pair),
        ("/api/laboratory/experiments", {"name": f"For {EMAIL}", "challenger": {}}),
        (f"/api/laboratory/experiments/{unknown}/promote", {"reason": f"Because of {EMAIL}"}),
    ):
        answer = client.post(path, body)
        assert answer.status_code == (404 if "merges" in path else 422), (
            path,
            answer.status_code,
            answer.content,
        )
    officer, analyst = sign_in("privacy_officer"), sign_in("admin")
    assert officer.post("/privacy/breaches/new", breach | {"aware_at": now[:16]}).status_code == 422
    analyst.post("/identity/merge", pair)
    assert analyst.post("/laboratory/new", {"name": f"For {EMAIL}"}).status_code == 422
    analyst.post(f"/laboratory/{unknown}/promote", {"reason": f"Because of {EMAIL}"})
    analyst.post("/integrations/sources/hostile", {"payload": json.dumps({"events": [{"note": WORD}]})})


def tell_facts(client: Any) -> None:
    """Put the address where facts of a company belong; the account is there once the engines have worked."""
    facts = {"source": "user", "facts": {"industry": EMAIL}}
    assert client.post("/api/accounts/canary-account/facts", facts).status_code == 422


def use_the_pages() -> None:
    """Type the address into forms, right ones and wrong ones; it must stay in no session."""
    officer = sign_in("privacy_officer")
    officer.post("/privacy", {"email": EMAIL})
    officer.post("/privacy/requests/new", {"type": "access", "email": EMAIL, "jurisdiction": "nowhere"})
    officer.post("/privacy/consents", {"email": f"{CANARY} no address", "purpose": "outreach"})
    officer.get("/audit", {"target_id": CANARY})
    Client().post("/login", {"username": EMAIL, "password": WORD})


def use_the_admin() -> None:
    """Search for the person, and open and save what lies nearest to them."""
    client = Client()
    client.force_login(
        User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend"
    )
    for model in ("compliance/subject", "compliance/auditlog", "signals/signal"):
        client.get(f"/admin/{model}/", {"q": EMAIL})
    client.post("/admin/contexts/retraction/add/", {"signal_id": EMAIL, "reason": WORD})
    client.post("/admin/login/?next=/admin/", {"username": EMAIL, "password": WORD})


def decide_on_letters(api_client: Any) -> None:
    """Edit, reject, approve with notes that name the person; send one letter; the reader unsubscribes."""
    editor, approver = api_client("actions:review"), api_client("actions:approve", "actions:review")
    reviewer = sign_in("approver")
    first, second, third = list_letters()[:3]
    text = {"subject": f"For {CANARY}", "body": f"Hello {CANARY}, shall we talk on Tuesday?"}
    edited = editor.patch(f"/api/actions/{first.id}", {"version": first.version, **text})
    assert edited.status_code == 200, edited.content
    first.refresh_from_db()
    answer = approver.post(
        f"/api/actions/{first.id}/approve",
        {"version": first.version, "content_hash": first.content_hash, "note": WORD},
    )
    assert answer.status_code == 200, answer.content
    refusal = {"version": second.version, "reason_code": "not_icp", "note": WORD}
    answer = approver.post(f"/api/actions/{second.id}/reject", refusal)
    assert answer.status_code == 200, answer.content
    decide_on_pages(reviewer, third, text)
    send_what_is_approved(timezone.now())
    first.refresh_from_db()
    assert first.state == "executed", (first.state, first.reason_code)
    url = "/" + unsubscribing.make_url(first.id).split("/", 3)[3]
    assert Client().post(url, {"List-Unsubscribe": WORD}).status_code == 200


def decide_on_pages(reviewer: Client, action: Any, text: dict[str, str]) -> None:
    """Do the same by the pages of the queue."""
    page = f"/approvals/{action.id}"
    assert reviewer.post(f"{page}/edit", {"version": action.version, **text}).status_code == 302
    action.refresh_from_db()
    wrong = reviewer.post(f"{page}/approve", {"version": 0, "content_hash": WORD})
    assert wrong.status_code >= 400, wrong.status_code
    refusal = {"version": action.version, "reason": "not_icp", "note": WORD}
    assert reviewer.post(f"{page}/reject", refusal).status_code == 302


def import_a_file(folder: Path, *, again: bool = False) -> Path:
    """Import rows that carry the word in columns that are read and in one that is not; return the report."""
    path, report, mapping = folder / "deals.csv", folder / "report.csv", folder / "mapping.toml"
    mapping.write_text(importing_files.MAPPING)
    row = f"D1,Kite Works,{CANARY} box,{CANARY} seller,Won,03-02-17,09-05-17,120.50\n"
    path.write_text(importing_files.HEADER + row)
    call_command("import_signals", str(path), mapping=str(mapping), report=str(report), again=again)
    return report
