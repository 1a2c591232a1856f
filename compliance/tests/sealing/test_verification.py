"""Verifications beside everything else that goes on, and of logs that somebody put out of shape."""

from datetime import date

import pytest
from django.db import connection
from django.utils import timezone

from compliance.sealing import gauges
from compliance.sealing.models import AuditVerification
from compliance.sealing.requests import request_verification, work_on_verifications
from compliance.sealing.retirement import retire_month
from compliance.sealing.verification import Verification
from compliance.tests.sealing.log import event_at, kinds, unguarded

ACTOR = "user:7"
LEAVES = "ALTER TABLE audit_leaves"
BAD_NOTE = "UPDATE audit_checkpoints SET note = replace(note, 'audit ', 'audit \u00e9')"
FOREIGN = "CREATE TABLE smuggled (LIKE audit_logs INCLUDING ALL)"
ATTACH = "ALTER TABLE audit_logs ATTACH PARTITION smuggled FOR VALUES FROM ('2040-01-01') TO ('2040-02-01')"


@pytest.fixture
def ask(log, settings, monkeypatch):
    """Return a function that asks for a verification; its turns verify ten leaves each."""
    settings.AUDIT_ANCHOR_DIR = str(log.anchors.folder)
    monkeypatch.setattr("compliance.sealing.verification.Verification.step.__kwdefaults__", {"limit": 10})
    return lambda: request_verification(actor=ACTOR, now=timezone.now()).id


def turn():
    return work_on_verifications(now=timezone.now(), turn_seconds=0)


def finish(verification_id):
    for _ in range(20):
        turn()
        found = AuditVerification.objects.get(id=verification_id)
        if found.report is not None:
            return found
    raise AssertionError("it never ends")


def test_what_is_sealed_meanwhile_is_no_alarm(log, ask):
    log.write_sealed(8, 8, 8)
    asked = ask()
    turn()
    log.write_sealed(5)

    found = finish(asked)

    assert (found.state, found.report["findings"]) == ("sound", [])
    assert (found.report["size"], found.report["anchored_size"]) == (24, 30)


def test_a_turn_holds_up_neither_sealer_nor_relay(log, ask, monkeypatch):
    log.write_sealed(30)
    ask()
    ids, verify = [], Verification.step

    def step(self, **limits):
        done = verify(self, **limits)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned()")
            ids.append(cursor.fetchone()[0])
        return done

    monkeypatch.setattr(Verification, "step", step)
    turn()

    assert ids == [None]


def test_the_anchored_seals_are_read_once_over_all_turns(log):
    log.write_sealed(*[2] * 10)
    ends, progress = [], None
    while True:
        work = Verification(anchors=log.anchors, progress=progress)
        if work.is_read:
            break
        work.step(limit=5)
        progress = work.to_json()
        ends.append(progress["place"][1])
        unread = list(log.anchors.read_notes(progress["place"]))
        assert len(unread) == 10 - work.progress.index // 2

    assert ends == sorted(set(ends))
    assert work.finish(now=timezone.now()).is_sound


@pytest.mark.parametrize(
    ("kind", "changes", "repair"),
    [
        ("row_changed", ["UPDATE audit_logs SET occurred_at = 'infinity'"], []),
        ("partition_missing", ["UPDATE audit_leaves SET recorded_at = 'infinity'"], []),
        ("partition_foreign", [FOREIGN, ATTACH], ["DROP TABLE smuggled"]),
        ("bad_checkpoint", [BAD_NOTE], []),
        ("unreadable", [f"{LEAVES} RENAME TO hidden"], ["ALTER TABLE hidden RENAME TO audit_leaves"]),
    ],
)
def test_a_log_out_of_shape_is_a_finding_and_not_a_crash(log, ask, superuser, kind, changes, repair):
    log.write_sealed(25)
    asked = ask()
    with unguarded(superuser):
        for change in changes:
            superuser.execute(change)
        try:
            found = finish(asked)
        finally:
            for change in repair:
                superuser.execute(change)

    assert found.state == "unsound"
    assert kind in {finding["kind"] for finding in found.report["findings"]}


def test_rows_that_waited_long_for_a_sealer_at_rest_are_no_alarm(log, superuser):
    log.write(30)
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET recorded_at = recorded_at - interval '3 hours'")
    log.make_sealer().seal(now=timezone.now(), limit=20)

    report = log.verify()

    assert (report.findings, report.pending) == ([], 10)


def test_a_month_that_is_dropped_meanwhile_is_no_alarm(log, superuser):
    superuser.execute("SELECT revctx_create_month_partition('audit_logs', '2010-03-01')")
    log.write(20)
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET recorded_at = '2010-03-05 12:00Z'")
    log.seal()
    retire_month(month=date(2010, 3, 1), actor="system:test", now=timezone.now())
    log.seal()
    work = Verification(anchors=log.anchors)
    work.step(limit=9)

    assert retire_month(month=date(2010, 3, 1), actor="system:test", now=timezone.now())
    while not work.is_read:
        work.step(limit=9)

    report = work.finish(now=timezone.now())
    assert (report.findings, report.retired) == ([], {"2010-03": 20})


class TestRestoredHoursLater:
    """Old rows that were not sealed before the dump, beside new ones with smaller transaction ids."""

    @pytest.fixture
    def restored(self, log, superuser):
        log.write_sealed(3)
        log.write(2)
        with unguarded(superuser):
            superuser.execute("UPDATE audit_checkpoints SET system_identifier = 'another'")
            superuser.execute(
                "UPDATE audit_logs a SET recorded_at = a.recorded_at - interval '3 hours',"
                " txid = a.txid + CASE WHEN l.event_id IS NULL THEN 1000000 ELSE 0 END"
                " FROM audit_logs b LEFT JOIN audit_leaves l ON l.event_id = b.id WHERE b.id = a.id"
            )
            superuser.execute("UPDATE audit_leaves SET recorded_at = recorded_at - interval '3 hours'")
        log.write(4)
        return log

    def test_old_rows_are_sealed_before_new_ones(self, restored):
        restored.seal()

        assert "backdated" not in kinds(restored.verify())

    def test_the_lag_counts_rows_whatever_their_numbers_are(self, restored, superuser):
        with unguarded(superuser):
            superuser.execute("UPDATE audit_checkpoints SET txid = txid + 5000000")

        assert gauges.read_lag_seconds() > 10_000
        restored.seal()
        restored.write_sealed(1)
        assert gauges.read_lag_seconds() == 0


def test_the_first_bad_row_is_named_across_turns(log, ask, superuser):
    log.write_sealed(25)
    asked = ask()
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET actor = 'user:0' WHERE id = %s", [event_at(superuser, 14)])

    assert finish(asked).report["first"]["event_id"] == event_at(superuser, 14)
