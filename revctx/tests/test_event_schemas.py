"""The schema files of `docs/events/` describe the events that the services really write."""

import copy
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import contexts.tasks
import orchestration.tasks
from compliance import consent, erasure, subjects
from compliance.sealing.anchors import Anchors
from compliance.sealing.keys import Signer
from compliance.sealing.sealing import Sealer
from integrations.sandbox.server import make_server
from orchestration.services import approval
from revctx.devstack.paths import PROJECT_ROOT
from revctx.eventbus import workitems
from revctx.eventbus.models import OutboxEvent
from revctx.eventbus.relay import event_of
from revctx.eventbus.topics import TOPICS
from revctx.tests.database import rows
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (PROJECT_ROOT / "docs/events").glob("*.json")}
REGISTRY: Registry = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()]
)
ADDRESS = "lea.brandt@brightloom.example"
HOT = ("demo_requested", "trial_started", "pricing_page_view", "meeting_booked", "email_reply")


def validator(topic: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[topic], registry=REGISTRY)


@pytest.fixture
def _provider(settings: Any) -> Iterator[None]:
    server = make_server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.OUTREACH_BASE_URL = f"http://127.0.0.1:{server.server_address[1]}/api/v2"
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def documents(transactional_db: None, _provider: None, tmp_path: Path) -> list[dict[str, Any]]:
    """Return every event of a short history in which each topic is written."""
    now, user = timezone.now(), User.objects.create_user("approver")
    grant(ADDRESS, now)
    grant("other@person.example", now)
    heat("sent", ADDRESS, now)
    heat("withdrawn", "other@person.example", now)
    heat("refused", None, now)
    deliver()
    contexts.tasks.process_work()
    deliver()
    orchestration.tasks.process_work()

    [(sent_id, version, content_hash)] = find_action("sent")
    approval.approve(
        action_id=sent_id, version=version, content_hash=content_hash, actor_user_id=user.pk, now=hold_ago()
    )
    orchestration.tasks.execute_due()
    [(refused_id, version, _)] = find_action("refused")
    approval.reject(
        action_id=refused_id,
        version=version,
        reason_code="not_icp",
        actor_user_id=user.pk,
        now=timezone.now(),
    )
    withdraw_and_erase("other@person.example")
    checkpoint(tmp_path / "anchors")
    return [json.loads(event_of(row).to_json()) for row in OutboxEvent.objects.order_by("id")]


def grant(email: str, now: datetime) -> None:
    consent.grant(
        email=email,
        purpose="outreach",
        channel="email",
        jurisdiction="EU",
        notice_version="v3",
        source="web form",
        actor="system:test",
        now=now,
    )


def heat(account: str, email: str | None, now: datetime) -> None:
    drafts = [
        SignalDraft(
            source="api",
            type=signal_type,
            external_id=f"{account}-{index}",
            occurred_at=now - timedelta(minutes=index),
            account={"crm_id": account},
            person=PersonDraft(email=email, name="Lea Brandt", title="COO") if email else None,
        )
        for index, signal_type in enumerate(HOT)
    ]
    ingest_signals(drafts=drafts, actor="system:test", now=now)


def deliver() -> None:
    """Do what relay and bridges do: give each group the events of its topics."""
    events = [event_of(row) for row in OutboxEvent.objects.order_by("id")]
    for group, target in settings.EVENT_GROUPS.items():
        wanted = [event for event in events if event.type in target["topics"]]
        workitems.add(group=group, events=wanted, now=timezone.now())


def find_action(account: str) -> list[tuple[Any, ...]]:
    return rows(
        """
        SELECT a.id, a.version, a.content_hash FROM actions a
        JOIN contexts_accountalias s ON s.account_id = a.account_id AND s.value = %s
        """,
        account,
    )


def hold_ago() -> datetime:
    return timezone.now() - timedelta(seconds=settings.APPROVAL_HOLD_SECONDS + 1)


def withdraw_and_erase(email: str) -> None:
    now = timezone.now()
    consent.revoke(email=email, actor="system:test", now=now, source="test")
    deliver()
    orchestration.tasks.process_work()
    subject_id = subjects.find_subject(email=email)
    assert subject_id is not None
    erasure.erase(subject_id=subject_id, actor="system:test", now=now)


def checkpoint(folder: Path) -> None:
    """Seal what was recorded so far."""
    folder.mkdir()
    sealer = Sealer(signer=Signer(b"s" * 32), anchors=Anchors(folder), now=timezone.now())
    assert sealer.seal(now=timezone.now())


def strings_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every string and null."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from strings_in(child, (*path, key))
    elif value is None or isinstance(value, str):
        yield path


def replaced(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def test_every_topic_has_a_schema_and_no_other_has() -> None:
    assert set(SCHEMAS) == {*TOPICS, "envelope"}
    assert set(SCHEMAS["envelope"]["properties"]["type"]["enum"]) == set(TOPICS)
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_what_the_services_write_fits_and_could_hold_no_address(documents: list[dict[str, Any]]) -> None:
    assert {document["type"] for document in documents} == set(TOPICS)
    states = {document["data"].get("state") for document in documents}
    assert {"pending", "approved", "executing", "executed", "rejected", "cancelled"} <= states
    for document in documents:
        errors = list(validator(document["type"]).iter_errors(document))
        assert not errors, (document, errors)
        assert ADDRESS not in json.dumps(document)

    examples = {(d["type"], tuple(sorted(d["data"])), d["data"].get("state")): d for d in documents}
    for document in examples.values():
        assert_no_place_for_an_address(document)


def assert_no_place_for_an_address(document: dict[str, Any]) -> None:
    schema = validator(document["type"])
    assert schema.is_valid(document)
    for path in strings_in(document):
        assert not schema.is_valid(replaced(document, path, ADDRESS)), (document["type"], path)
    for parent in ((), ("data",)):
        extended = replaced(document, (*parent, "contact"), ADDRESS)
        assert not schema.is_valid(extended), (document["type"], parent)
