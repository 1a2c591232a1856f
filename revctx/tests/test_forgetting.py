"""A person is erased from everywhere, at a cost that does not grow with what was known of them."""

import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from compliance import subjects
from compliance.privacy import execution
from compliance.privacy.models import PrivacyRequest
from contexts import tasks as contexts_tasks
from integrations.sandbox.server import make_server
from laboratory.contracts import ExperimentDraft
from laboratory.services import experiments
from laboratory.tests.factories import LONGER, work_off
from orchestration import tasks as orchestration_tasks
from revctx.api.tokens import issue_token
from revctx.devstack import roles
from revctx.devstack.broker import Broker
from revctx.eventbus import health, workitems
from revctx.eventbus.envelope import Event
from revctx.eventbus.models import OutboxEvent
from revctx.tests import canary, dumps, gardening, planting, staff_doors
from revctx.tests.database import rows
from revctx.tests.gardening import CANARY, EMAIL, HOT
from revctx.tests.replaying import replay_from_the_beginning
from signals.selectors import list_quarantine
from signals.services.quarantine_opening import inspect_payload

SCORE = "/api/accounts/canary-account/score"
GROUPS = {"signal.ingested": "context-engine"} | dict.fromkeys(
    ("context.updated", "consent.changed"), "orchestration-engine"
)
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


@pytest.fixture
def provider(settings):
    """The sending service, so that a letter is sent and has to be taken back."""
    server = make_server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.OUTREACH_BASE_URL = f"http://127.0.0.1:{server.server_address[1]}/api/v2"
    yield server.store
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fresh_broker(tmp_path, settings, monkeypatch):
    """A broker of the test's own: the embedded one sets no offsets of a group that ever had a member."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    settings.KAFKA_BOOTSTRAP_SERVERS = broker.bootstrap_servers
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    yield broker
    broker.stop()


@pytest.fixture
def recorder(settings):
    settings.MIDDLEWARE = ["revctx.tests.planting.Recorder", *settings.MIDDLEWARE]
    planting.Recorder.begin(CANARY)
    return planting.Recorder


def fill_every_door(api_client):
    """Plant the canary in every field of every way in, before the engines have worked."""
    client = api_client(*gardening.WRITER)
    for account in gardening.ACCOUNTS:
        gardening.send_signals(client, account=account)
    secret = issue_token(user=client.user, label="doors", scopes=("signals:write",), now=datetime.now(UTC))
    gardening.knock_at_the_doors(secret)
    gardening.follow_changes()
    gardening.tell_consent_and_requests(client)
    staff_doors.type_into_staff_fields(client, email=EMAIL, word=gardening.WORD)
    staff_doors.fill_privacy_forms(client, email=EMAIL, word=gardening.WORD)
    staff_doors.use_the_admin(email=EMAIL, word=gardening.WORD)
    Client().post("/login", {"username": EMAIL, "password": gardening.WORD})
    return client


def carry_out():
    for request_id in execution.list_due(now=datetime.now(UTC)):
        execution.run_request(request_id=request_id, now=datetime.now(UTC))


def erase(client, email):
    body = {"type": "erasure", "identity": {"email": email}, "jurisdiction": "DE", "verified_by": "officer"}
    made = client.post("/api/privacy/requests", body).json()
    carry_out()
    assert PrivacyRequest.objects.get(id=made["id"]).state == "complete"


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
    api_client, services, redis_server, capfd, journal_folder, processes, tmp_path, provider, recorder
):
    client = fill_every_door(api_client)
    report = gardening.import_a_file(tmp_path)
    run_engines()
    gardening.tell_facts(client)
    gardening.decide_on_letters(api_client)
    staff_doors.merge_and_split(client, email=EMAIL)
    carry_out()
    staff_doors.take_the_export(word=gardening.WORD)
    run_a_laboratory()
    assert_every_way_in_was_tried(recorder)
    subject_id = subjects.find_subject(email=EMAIL)
    texts = subjects.get_address(
        subject_ids=[subject_id], actor="user:1", purpose="test", now=datetime.now(UTC)
    )
    assert texts == {subject_id: EMAIL}  # it was there
    assert canary.list_tables_with(str(subject_id), services) != []  # and the search finds what is
    assert canary.holds(CANARY, repr(vars(provider)).encode())  # also at the sending service

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
        "sending service": repr(vars(provider)).encode(),
    }
    assert [name for name, content in places.items() if canary.holds(CANARY, content)] == []
    messages = list(canary.read_topics())
    assert any(str(subject_id).encode() in message for message in messages)  # subject.erased at least
    assert not any(canary.holds(CANARY, message) for message in messages)
    assert list_readable_bodies() == []
    sealed = unreadable_rows(subject_id)
    assert sealed["signals"] > len(HOT) * len(gardening.ACCOUNTS)


def assert_every_way_in_was_tried(recorder):
    """A new way in has let the person in, or is listed as refusing them or as reading nothing of anybody."""
    ways, taken, refused = planting.list_ways_in(), set(recorder.taken), set(recorder.refused)
    assert set(ways) - taken - refused == planting.WITHOUT_PERSON
    assert set(ways) & refused - taken == set(planting.REFUSING)
    answers = {status for way in planting.REFUSING for status in recorder.refused[way]}
    assert not answers & {401, 403}  # not for want of a role
    assert [way for way in planting.WITHOUT_PERSON if planting.reads_what_is_sent(ways[way])] == []
    assert planting.reads_what_is_sent(ways["POST privacy"])  # else nothing is seen by its code
    form = "POST admin/contexts/retraction/add/"
    assert (recorder.taken[form], recorder.refused[form]) == ({302}, {200})
    root = User.objects.get(username="root")
    assert sorted(planting.list_admin_forms(root)) == sorted(planting.ADMIN_FORMS)
    schema = SchemaGenerator().get_schema(request=None, public=True)
    in_urls = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", way) for way in ways}
    in_schema = {way.replace(" /", " ") for way in planting.list_operations(schema)}
    assert in_schema - in_urls == set()


def test_nothing_that_comes_again_brings_the_person_back(
    api_client, services, fresh_broker, processes, provider, tmp_path, journal_folder
):
    client = fill_every_door(api_client)
    gardening.import_a_file(tmp_path)
    run_engines()
    carry_out()
    dumps.dump(services, tmp_path / "before.sql")
    erased = subjects.find_subject(email=EMAIL)
    erase(client, EMAIL)
    subject_ids = set(rows("SELECT id FROM subjects"))
    score = client_for_scores(api_client).get(SCORE).json()

    publish_all(processes)
    replay_from_the_beginning()
    replayed = client_for_scores(api_client).get(SCORE).json()
    report = gardening.import_a_file(tmp_path, again=True)
    gardening.send_signals(client)
    gardening.send_signals(client, number=100)  # and a new one of the same person
    run_engines()

    assert set(rows("SELECT id FROM subjects")) == subject_ids
    assert subjects.find_subject(email=EMAIL) is None
    assert canary.list_tables_with(CANARY, services) == []
    assert not canary.holds(CANARY, report.read_bytes())
    assert replayed["contributions"] == score["contributions"]
    assert rows("SELECT subject_id FROM signals ORDER BY received_at DESC LIMIT 1") == [(None,)]
    with dumps.restored(services, tmp_path / "before.sql") as session:
        keys = "SELECT count(wrapped_key) FROM subjects WHERE erased_at IS NULL AND id = %s"
        assert session.execute(keys, [erased]).fetchone() == (1,)  # the person is back
        reapply_there(services, "restored", journal_folder)
        assert session.execute(keys, [erased]).fetchone() == (0,)
        assert canary.search_tables(CANARY, session) == []


def reapply_there(services, database, journal_folder):
    """Run the command that the runbook names, against the restored database."""
    environment = {
        "DATABASE_URL": services.postgres.url(roles.APP, database=database),
        "ERASURE_JOURNAL_DIR": str(journal_folder),
    }
    command = [sys.executable, "manage.py", "reapply_erasures"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=os.environ | environment, check=True, timeout=60)


def client_for_scores(api_client):
    return api_client("accounts:read")


def list_readable_bodies():
    """Return the ids of what is sealed under another key than the person's and still tells the address."""
    bodies = {
        row.id: inspect_payload(payload_id=row.id, actor="user:1", now=datetime.now(UTC)) or b""
        for row in list_quarantine().filter(sealed__isnull=False)
    }
    assert any(bodies.values())  # of others, some are left
    return [row_id for row_id, body in bodies.items() if canary.holds(EMAIL, body)]


def unreadable_rows(subject_id):
    """Count what is still stored for a person, and check that none of it opens."""
    stored = rows("SELECT id, sealed FROM signals WHERE subject_id = %s", subject_id)
    items = [(subject_id, bytes(sealed), row_id.bytes) for row_id, sealed in stored]
    opened = subjects.open_sealed(items=items, actor="user:1", purpose="test", now=datetime.now(UTC))
    assert set(opened) <= {None}
    return {"signals": len(stored)}
