"""Plant a person at every way in: the vendors' doors, the API, the pages, the queue, the admin, a file."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from compliance import consent
from integrations.salesforce.changes import cursors
from integrations.salesforce.changes.following import follow
from integrations.salesforce.changes.pubsub import PubSubStream
from integrations.salesforce.changes.tests.factories import ACCOUNT, change
from integrations.salesforce.changes.tests.pubsub_server import PubSubServer
from integrations.tokens import Token, TokenCache
from orchestration import unsubscribing
from orchestration.tests.stories import list_letters, send_what_is_approved
from revctx.tests import hostile_doors, planting
from revctx.web.tests.people import sign_in
from signals.tests import importing_files

CANARY = "kanarienvogel7"
EMAIL = f"{CANARY}.mail@{CANARY}-home.example"
WORD = f"{CANARY} text"
TOPIC = "/data/OpportunityChangeEvent"
HOT = ("demo_requested", "pricing_page_view", "trial_started", "meeting_booked")
ACCOUNTS = ("canary-account", "canary-second", "canary-third")
WRITER = (
    "signals:write",
    "consent:read",
    "consent:write",
    "privacy:write",
    "signals:read",
    "accounts:read",
    "accounts:write",
    "lab:write",
    "lab:approve",
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
    """Follow the CRM's change stream for a page: an event that is understood, and what is not."""
    fields = {"Name": WORD, "Description": WORD, "ContactEmail": EMAIL, "StageName": "Demo Scheduled"}
    other = ("0065g00000OppTwoAAA",)
    server, stop = PubSubServer(), threading.Event()
    server.publish(
        change(AccountId=ACCOUNT, **fields),
        change(records=other, **fields),
        change("GAP_UPDATE", records=other, **fields),
        f"not this schema: {EMAIL} {WORD}".encode(),
        _print_avro(f"{EMAIL} as"),
    )
    token = Token(
        value=server.token, instance_url="https://x.test", organization_id=hostile_doors.ORGANIZATION
    )
    stream = PubSubStream(url=server.url, tokens=TokenCache(lambda _deadline: token))

    def stop_and_tell() -> datetime:
        stop.set()  # the follower asks for the time once a page
        return timezone.now()

    try:
        cursors.move(topic=TOPIC, position=b"", now=timezone.now())  # from the oldest on
        follow(stream=stream, topic=TOPIC, stop=stop, clock=stop_and_tell)
    finally:
        stream.close()
        server.stop()


def _print_avro(text: str) -> bytes:
    """Return a text as Avro does: behind its length, which here looks like one more letter, and a zero."""
    assert 32 <= len(text) < 64
    return bytes([2 * len(text)]) + text.encode() + b"\x00"


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


def tell_facts(client: Any) -> None:
    """Put the address where facts of a company belong; the account is there once the engines have worked."""
    path = "/api/accounts/canary-account/facts"
    facts = {"source": "user", "facts": {"industry": EMAIL}}
    assert client.post(path, facts).status_code == 422
    facts = {"source": "user", "facts": {"technologies": [EMAIL, "kafka"]}}
    assert client.post(path, facts).status_code == 200  # of which the address is left out


def decide_on_letters(api_client: Any) -> None:
    """Edit, reject, approve with notes that name the person; send one letter; the reader unsubscribes."""
    editor, approver = api_client("actions:review"), api_client("actions:approve", "actions:review")
    first, second, third = list_letters()[:3]
    text = {"subject": f"For {CANARY}", "body": f"Hello {CANARY}, shall we talk on Tuesday?"}
    stray = {"note": WORD}
    answers = [
        editor.post(f"/api/actions/{first.id}/claim", stray),
        editor.patch(f"/api/actions/{first.id}", {"version": first.version, **text}),
        editor.post(f"/api/actions/{first.id}/release", stray),
    ]
    for path, body in (("approve", stray), ("undo", stray), ("approve", stray)):
        first.refresh_from_db()
        seen = {"version": first.version, "content_hash": first.content_hash} if path == "approve" else {}
        answers.append(approver.post(f"/api/actions/{first.id}/{path}", body | seen))
    refusal = {"version": second.version, "reason_code": "not_icp", "note": WORD}
    answers.append(approver.post(f"/api/actions/{second.id}/reject", refusal))
    assert [answer.status_code for answer in answers] == [200] * 7, [answer.content for answer in answers]
    decide_on_pages(third, text)
    send_what_is_approved(timezone.now())
    first.refresh_from_db()
    assert first.state == "executed", (first.state, first.reason_code)
    url = "/" + unsubscribing.make_url(first.id).split("/", 3)[3]
    assert Client().post(url, {"List-Unsubscribe": WORD}).status_code == 200


def decide_on_pages(action: Any, text: dict[str, str]) -> None:
    """Do the same by the pages of the queue."""
    editor, approver = sign_in("approver"), sign_in("approver")
    for person, move, given, status in (
        (editor, "claim", {"note": WORD}, 204),
        (editor, "edit", text, 302),
        (approver, "approve", {"content_hash": WORD}, 409),
        (approver, "approve", {"next_id": WORD}, 302),
        (approver, "undo", {"next_id": WORD}, 302),
        (approver, "reject", {"reason": "not_icp", "note": WORD}, 302),
    ):
        action.refresh_from_db()
        seen = {"version": action.version, "content_hash": action.content_hash}
        answer = person.post(f"/approvals/{action.id}/{move}", seen | given)
        assert answer.status_code == status, (move, answer.status_code, answer.content)


def import_a_file(folder: Path, *, again: bool = False) -> Path:
    """Import rows that carry the word in columns that are read and in one that is not; return the report."""
    path, report, mapping = folder / "deals.csv", folder / "report.csv", folder / "mapping.toml"
    mapping.write_text(importing_files.MAPPING)
    row = f"D1,Kite Works,{CANARY} box,{CANARY} seller,Won,03-02-17,09-05-17,120.50\n"
    path.write_text(importing_files.HEADER + row)
    call_command("import_signals", str(path), mapping=str(mapping), report=str(report), again=again)
    return report
