"""A person is erased from everywhere, at a cost that does not grow with what was known of them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from compliance import consent, subjects
from compliance.privacy import execution
from compliance.privacy.models import PrivacyRequest
from contexts import tasks as contexts_tasks
from laboratory.contracts import ExperimentDraft
from laboratory.services import experiments
from laboratory.tests.factories import LONGER, work_off
from orchestration import tasks as orchestration_tasks
from revctx.eventbus import health, workitems
from revctx.eventbus.envelope import Event
from revctx.eventbus.models import OutboxEvent, WorkItem
from revctx.tests import canary
from revctx.tests.database import rows
from revctx.web.tests.people import sign_in
from signals.tests import importing_files

CANARY = "kanarienvogel7"
NOW = datetime.now(UTC)
SCORE = "/api/accounts/canary-account/score"
EMAIL = f"{CANARY}.mail@{CANARY}-home.example"
GROUPS = {"signal.ingested": "context-engine"} | dict.fromkeys(
    ("context.updated", "consent.changed"), "orchestration-engine"
)
HOT = ("demo_requested", "pricing_page_view", "trial_started", "meeting_booked")
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture(autouse=True)
def journal_folder(settings, tmp_path):
    settings.ERASURE_JOURNAL_DIR = str(tmp_path / "journal")
    settings.ALLOW_UNSIGNED_WEBHOOKS = True
    settings.SALESFORCE_WEBHOOK_SECRETS = []
    return tmp_path / "journal"


def run_engines():
    for _ in range(2):
        now = datetime.now(UTC)
        for row in OutboxEvent.objects.order_by("id"):
            if group := GROUPS.get(row.type):
                fields = {"id": row.event_id, "type": row.type, "key": row.key, "data": row.data}
                event = Event(**fields, occurred_at=row.occurred_at, request_id=row.request_id)
                workitems.add(group=group, events=[event], now=now)
        contexts_tasks.process_work()
        orchestration_tasks.process_work()


def fill_every_door(api_client):
    """Plant the canary in every field of every way in."""
    client = api_client("signals:write", "consent:write", "privacy:write")
    word = f"{CANARY} text"
    send_signals(client)
    raw = {"Id": "", "AccountId": "x", "ContactEmail": EMAIL, "ContactName": word, "Note": word}
    post_webhook(client, raw)
    post_webhook(client, {"Id": "o-1", "AccountId": "canary-account", **{k: raw[k] for k in list(raw)[2:]}})
    consent.grant(
        email=EMAIL,
        jurisdiction="DE",
        notice_version="1",
        source="form",
        proof=word,
        actor="user:1",
        now=datetime.now(UTC),
    )
    for kind, extra in (("access", {}), ("rectification", {"corrections": {"name": f"{CANARY} right"}})):
        body = {"type": kind, "identity": {"email": EMAIL}, "jurisdiction": "DE", "verified_by": "officer"}
        assert client.post("/api/privacy/requests", body | extra).status_code == 201
    return client


def send_signals(client, *, number=0):
    """Send one signal of each hot kind, about the person."""
    for index, kind in enumerate(HOT):
        body = {
            "source": "web",
            "type": kind,
            "external_id": f"{CANARY}-{number + index}",
            "occurred_at": (NOW - timedelta(minutes=number + index + 1)).isoformat(),
            "account": {"crm_id": "canary-account"},
            "person": {"email": EMAIL, "name": f"{CANARY} name", "title": f"{CANARY} VP"},
            "strength": 10,
        }
        answer = client.post("/api/signals", body)
        assert answer.status_code == 202, answer.content


def post_webhook(client, body):
    answer = client.post("/api/integrations/salesforce/webhook", body)
    assert answer.status_code == 202, answer.content


def carry_out():
    for request_id in execution.list_due(now=datetime.now(UTC)):
        execution.run_request(request_id=request_id, now=datetime.now(UTC))


def erase(client, email):
    body = {"type": "erasure", "identity": {"email": email}, "jurisdiction": "DE", "verified_by": "officer"}
    made = client.post("/api/privacy/requests", body).json()
    started = time.perf_counter()
    carry_out()
    seconds = time.perf_counter() - started
    assert PrivacyRequest.objects.get(id=made["id"]).state == "complete"
    return seconds


def use_the_pages():
    """Have an officer type the address into forms, right ones and wrong ones; it must stay in no session."""
    officer = sign_in("privacy_officer")
    officer.post("/privacy", {"email": EMAIL})
    officer.post("/privacy/requests/new", {"type": "access", "email": EMAIL, "jurisdiction": "nowhere"})
    officer.post("/privacy/consents", {"email": f"{CANARY} no address", "purpose": "outreach"})
    officer.get("/audit", {"target_id": CANARY})


def import_a_file(folder):
    """Import rows that carry the word in columns that are read and in one that is not."""
    path, report, mapping = folder / "deals.csv", folder / "report.csv", folder / "mapping.toml"
    mapping.write_text(importing_files.MAPPING)
    row = f"D1,Kite Works,{CANARY} box,{CANARY} seller,Won,03-02-17,09-05-17,120.50\n"
    path.write_text(importing_files.HEADER + row)
    call_command("import_signals", str(path), mapping=str(mapping), report=str(report))
    return report


def run_a_laboratory():
    now = datetime.now(UTC)
    draft = ExperimentDraft(name="canary", challenger=LONGER)
    experiment = experiments.create_experiment(draft=draft, user_id=1, now=now)
    experiments.request_run(experiment_id=experiment.pk, user_id=1, now=now)
    assert work_off(now=now) is not None


def publish_all(processes):
    processes.start("relay")
    processes.wait_for("an empty outbox", lambda: health.outbox_age_seconds() == 0, seconds=60)
    processes.stop()


def test_a_canary_is_found_nowhere_after_the_erasure(
    api_client, services, redis_server, capfd, journal_folder, processes, tmp_path
):
    client = fill_every_door(api_client)
    use_the_pages()
    report = import_a_file(tmp_path)
    run_engines()
    carry_out()
    run_a_laboratory()
    subject_id = subjects.find_subject(email=EMAIL)
    texts = subjects.get_address(
        subject_ids=[subject_id], actor="user:1", purpose="test", now=datetime.now(UTC)
    )
    assert texts == {subject_id: EMAIL}  # it was there
    assert canary.list_tables_with(str(subject_id), services) != []  # and the search finds what is

    erase(client, EMAIL)
    publish_all(processes)

    assert canary.list_tables_with(CANARY, services) == []
    logs = b"".join(path.read_bytes() for path in processes.folder.glob("*.log"))
    printed = capfd.readouterr()
    places = {
        "redis": canary.read_redis(redis_server),
        "sessions": canary.read_sessions(),
        "journal": b"".join(path.read_bytes() for path in journal_folder.iterdir()),
        "output": (printed.out + printed.err).encode(),
        "logs": logs,
        "metrics": client.get("/metrics").content,
        "import report": report.read_bytes(),
    }
    assert [name for name, content in places.items() if canary.holds(CANARY, content)] == []
    messages = list(canary.read_topics())
    assert any(str(subject_id).encode() in message for message in messages)  # subject.erased at least
    assert not any(canary.holds(CANARY, message) for message in messages)
    sealed = unreadable_rows(subject_id)
    assert sealed["signals"] == len(HOT) + 1


def test_nothing_that_comes_again_brings_the_person_back(api_client, services):
    client = fill_every_door(api_client)
    run_engines()
    carry_out()
    erase(client, EMAIL)
    subject_ids = set(rows("SELECT id FROM subjects"))
    score = client_for_scores(api_client).get(SCORE).json()

    WorkItem.objects.all().delete()  # the whole topic from offset 0: every event is new to the bus
    run_engines()
    replayed = client_for_scores(api_client).get(SCORE).json()
    send_signals(client)
    send_signals(client, number=100)  # and a new one of the same person
    run_engines()

    assert set(rows("SELECT id FROM subjects")) == subject_ids
    assert subjects.find_subject(email=EMAIL) is None
    assert canary.list_tables_with(CANARY, services) == []
    assert replayed["contributions"] == score["contributions"]
    assert rows("SELECT subject_id FROM signals ORDER BY received_at DESC LIMIT 1") == [(None,)]


def client_for_scores(api_client):
    return api_client("accounts:read")


def unreadable_rows(subject_id):
    """Count what is still stored for a person, and check that none of it opens."""
    stored = rows("SELECT id, sealed FROM signals WHERE subject_id = %s", subject_id)
    items = [(subject_id, bytes(sealed), row_id.bytes) for row_id, sealed in stored]
    opened = subjects.open_sealed(items=items, actor="user:1", purpose="test", now=datetime.now(UTC))
    assert set(opened) <= {None}
    return {"signals": len(stored)}
