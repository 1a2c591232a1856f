"""T11, a row changed before its seal: found when its copy had left the database, else said to be open."""

import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from compliance import audit
from compliance.models import AuditLog
from compliance.sealing.witness import Witness, make_reader
from compliance.tests.sealing.log import make_entries, unguarded
from revctx.eventbus import relay
from revctx.eventbus.headroom import Headroom
from revctx.eventbus.models import OutboxEvent

pytestmark = pytest.mark.kafka
NOT_SEALED = "WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = a.id)"
EDIT = f"UPDATE audit_logs a SET actor = 'user:0' {NOT_SEALED}"


def publish():
    """Let the relay publish what is in the outbox."""
    producer, cursor = relay.make_producer(), relay.load_cursor(now=timezone.now())
    while relay.relay_batch(producer=producer, cursor=cursor, headroom=Headroom(), now=timezone.now()):
        pass


@pytest.fixture
def witness(log):
    made = Witness(anchors=log.anchors, reader=make_reader(), now=timezone.now())
    yield made
    made.close()


def settle(log, witness, count, *, later=timedelta(0), seconds=25):
    """Let the witness take turns until so many leaves are settled."""
    deadline = time.monotonic() + seconds
    while log.anchors.count_copies() < count:
        assert time.monotonic() < deadline, log.anchors.count_copies()
        witness.turn(now=timezone.now() + later)
        time.sleep(0.05)


def uncovered(report):
    return [line for line in report.to_json()["not_covered"] if "left no copy" in line]


def test_t11_an_edit_before_the_seal_is_found_by_the_copy_and_its_row_named(log, witness, superuser):
    log.write_sealed(3)
    log.write(1)
    publish()
    with unguarded(superuser):
        superuser.execute(EDIT)
    event = str(AuditLog.objects.get(actor="user:0").id)
    log.seal()
    settle(log, witness, 4)

    report = log.verify(limit=3)

    first = report.first
    assert (first.kind, first.index, first.event_id) == ("changed_before_seal", 3, event)
    assert (report.finding_count, report.copied, uncovered(report)) == (1, 4, [])


def test_t11_without_a_copy_the_edit_is_sealed_and_the_report_says_that_it_is_not_covered(
    log, witness, superuser
):
    log.write_sealed(2)
    publish()
    settle(log, witness, 2)
    log.write(3)
    with unguarded(superuser):
        superuser.execute("DELETE FROM outbox_events")
        superuser.execute(EDIT)
    log.seal()
    settle(log, witness, 5, later=timedelta(minutes=1))

    report = log.verify()

    assert report.is_sound
    assert report.copied == 2
    assert uncovered(report)[0].startswith("3 of 5 rows left no copy")


def test_normal_writes_are_all_covered_whatever_their_text_and_over_restarts(log, witness):
    nasty = ["tab\t nl\n cr\r back\\slash \b\f\v", "\\N", "", "ünï \U0001f600 'quote\""]
    with transaction.atomic():
        audit.record(make_entries(1200))
        for text in nasty:
            entry = make_entries(1)[0]
            audit.record(
                [audit.AuditEntry(**(vars(entry) | {"target_id": text[:128], "payload": {"t": text}}))]
            )
    log.seal()
    publish()
    settle(log, witness, 1204)
    again = Witness(anchors=log.anchors, reader=make_reader(), now=timezone.now())
    log.write_sealed(1, 1)
    publish()
    witness.close()
    settle(log, again, 1206)
    again.close()

    report = log.verify(limit=500)

    assert (report.findings, report.copied, uncovered(report)) == ([], 1206, [])
    events = OutboxEvent.objects.filter(type="audit.leaf").order_by("id")
    assert [len(event.data["leaves"]) for event in events] == [250] * 4 + [200] + [1] * 6
