import json
from datetime import timedelta

import pytest

from compliance import erasure, keys, subjects, suppressions
from compliance.models import AuditLog, PrivacyRequest, PrivacyTarget, Subject
from compliance.privacy import certificates, registry, signing
from compliance.privacy.selectors import get_connector_wait
from compliance.privacy.tests.factories import ADA, make_request, run_due
from compliance.tests.factories import NOW, grant_consent

pytestmark = pytest.mark.django_db


def state_of(request):
    return PrivacyRequest.objects.get(id=request.id).state


@pytest.fixture
def cellar():
    """Register an eraser that fails while the cellar is flooded."""
    cellar = {"flooded": True, "calls": 0}

    def empty(subject_id):
        cellar["calls"] += 1
        AuditLog.objects.count()
        if cellar["flooded"]:
            raise RuntimeError("flooded")

    erasure.register_eraser("cellar", empty)
    yield cellar
    erasure._erasers.pop("cellar")


@pytest.fixture
def connector():
    asked = {"answers": [False, OSError("no route"), True], "ids": []}

    def erase(subject_id):
        asked["ids"].append(subject_id)
        answer = asked["answers"].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    registry.register_connector("connector.test", registry.Connector(lambda _: True, erase))
    yield asked
    registry.connectors.pop("connector.test")


def test_reaches_every_target_and_ends_with_a_certificate():
    grant_consent(email=ADA)
    request = make_request()

    run_due()

    assert state_of(request) == "complete"
    assert subjects.find_subject(email=ADA) is None
    assert suppressions.is_suppressed(email=ADA)
    targets = {t.name: t.state for t in PrivacyTarget.objects.filter(request=request)}
    assert targets == dict.fromkeys(["compliance.key", *erasure.list_erasers()], "acknowledged")
    document = certificates.find_certificate(request_id=request.id)
    body = document["certificate"]
    signing.verify(signing.canonical(body), document["signature"]["value"])
    assert {t["name"] for t in body["targets"]} == set(targets)
    names = [event["name"] for event in body["audit_events"]]
    assert (names[0], names[-1]) == ("privacy_request.received", "privacy_request.completed")
    assert "subject.erased" in names
    with pytest.raises(signing.SignatureBroken):
        signing.verify(signing.canonical(body | {"type": "access"}), document["signature"]["value"])


def test_a_target_that_fails_is_tried_again_and_nothing_is_complete_before(cellar):
    request = make_request()

    run_due()

    assert state_of(request) == "executing"
    assert subjects.find_subject(email=ADA) is None  # the key is gone all the same
    assert certificates.find_certificate(request_id=request.id) is None
    failed = PrivacyTarget.objects.get(request=request, name="cellar")
    assert (failed.state, failed.error_code) == ("failed", "RuntimeError")

    run_due(rounds=5)
    assert state_of(request) == "error"

    cellar["flooded"] = False
    run_due(rounds=9)
    assert state_of(request) == "complete"
    others = PrivacyTarget.objects.filter(request=request).exclude(name="cellar")
    assert set(others.values_list("attempts", flat=True)) == {1}
    assert AuditLog.objects.filter(name="subject.erased").count() == 1


def test_waits_for_connectors_by_our_id_only(connector):
    request = make_request()

    run_due()
    assert state_of(request) == "awaiting_connector"
    later = PrivacyRequest.objects.get(id=request.id).verified_at + timedelta(hours=30)
    assert get_connector_wait(now=later) == 30 * 3600

    run_due(rounds=4)
    assert state_of(request) == "complete"
    assert get_connector_wait(now=later) == 0
    assert connector["ids"] == [request.subject_id] * 3
    row = PrivacyTarget.objects.get(name="connector.test")
    assert (row.kind, row.state, row.attempts) == ("connector", "acknowledged", 3)


def test_a_journal_that_cannot_be_written_stops_the_erasure(settings):
    settings.ERASURE_JOURNAL_DIR = ""
    request = make_request()

    run_due()

    assert state_of(request) == "error"
    assert PrivacyRequest.objects.get(id=request.id).reason_code == "JournalUnavailable"
    assert subjects.find_subject(email=ADA) == request.subject_id
    assert not PrivacyTarget.objects.exists()


def test_the_journal_is_written_with_ids_and_the_keyed_hash_only(journal_folder):
    request = make_request()
    run_due()

    [path] = journal_folder.iterdir()
    assert json.loads(path.read_text())["body"] == {
        "request_id": str(request.id),
        "type": "erasure",
        "subject_id": str(request.subject_id),
        "at": NOW.isoformat(),
        "shred_at": None,
        "suppression": keys.hash_suppressed(ADA).hex(),
        "suppression_key_id": keys.get_suppression_key_id(),
    }


def test_nobody_known_and_suppressed_completes_with_nothing_held():
    make_request()
    run_due()

    again = make_request()
    run_due()

    assert again.subject_id is None
    assert state_of(again) == "complete"
    assert certificates.find_certificate(request_id=again.id)["certificate"]["targets"] == []


def test_a_new_signal_of_the_erased_brings_nobody_back():
    make_request()
    run_due()

    assert subjects.ensure_subjects(emails=[ADA.upper()], now=NOW) == {}
    assert Subject.objects.filter(erased_at=None).count() == 0
    assert grant_consent(email=ADA).subject_id is not None  # unless they consent anew
