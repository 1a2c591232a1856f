from datetime import UTC, date, datetime

import pytest
from django.db import transaction
from django.utils import timezone

from compliance.models import AuditLog, AuditRetirement
from compliance.privacy.retaining import apply_retention
from compliance.sealing import tree
from compliance.sealing.checkpoints import read_note
from compliance.sealing.retirement import NotRetirable, retire_month
from compliance.tests.sealing.log import kinds, unguarded

MONTH = date(2010, 3, 1)
PARTITION = "audit_logs_y2010m03"


@pytest.fixture
def old_month(log, superuser):
    """Return a log whose first four rows are from March 2010, one of them sealed after newer ones."""
    superuser.execute("SELECT revctx_create_month_partition('audit_logs', %s)", [MONTH])
    log.write(4)
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET recorded_at = '2010-03-05 12:00Z'")
    log.seal()
    log.write_sealed(3)
    yield log
    superuser.execute(f"DROP TABLE IF EXISTS {PARTITION}")


def retire():
    return retire_month(month=date(2010, 3, 17), actor="system:retention", now=timezone.now())


def test_the_record_is_signed_before_anything_is_dropped(old_month, superuser):
    assert retire() is False
    assert retire() is False
    assert AuditLog.objects.filter(recorded_at__lt=datetime(2011, 1, 1, tzinfo=UTC)).count() == 4

    old_month.seal()

    assert read_note(tree.find_head().note)[0].retired == {"2010-03": 4}
    assert retire() is True
    assert superuser.execute("SELECT to_regclass(%s)", [PARTITION]).fetchone() == (None,)
    assert AuditLog.objects.get(name="audit_month.retired").payload == {"rows": 4}


def test_the_daily_run_takes_two_days_and_counts_the_month_when_it_goes(old_month, superuser):
    first = apply_retention(now=timezone.now())
    old_month.seal()
    second = apply_retention(now=timezone.now())

    assert (first["audit"], second["audit"]) == (0, 1)
    assert superuser.execute("SELECT to_regclass(%s)", [PARTITION]).fetchone() == (None,)
    old_month.seal()
    assert old_month.verify().is_sound


def test_the_daily_run_leaves_a_month_that_is_not_sealed(log, superuser):
    superuser.execute("SELECT revctx_create_month_partition('audit_logs', %s)", [MONTH])
    log.write(2)
    with unguarded(superuser):
        superuser.execute("UPDATE audit_logs SET recorded_at = '2010-03-05 12:00Z'")
    try:
        assert apply_retention(now=timezone.now())["audit"] == 0
        assert AuditRetirement.objects.count() == 0
    finally:
        superuser.execute(f"DROP TABLE IF EXISTS {PARTITION}")


def test_a_retired_month_is_no_finding(old_month):
    retire()
    old_month.seal()
    retire()

    report = old_month.verify()

    assert report.is_sound, report.findings
    assert report.retired == {"2010-03": 4}
    assert tree.prove_inclusion(event_id=first_event()).row is None


def first_event():
    return tree.AuditLeaf.objects.get(index=0).event_id


def test_dropped_without_a_record_it_is(old_month, superuser):
    superuser.execute(f"DROP TABLE {PARTITION}")

    report = old_month.verify()

    assert (report.first.kind, report.first.event_id) == ("partition_missing", str(first_event()))


def test_a_record_does_not_cover_rows_that_vanish_by_themselves(old_month, superuser):
    retire()
    old_month.seal()
    with unguarded(superuser):
        superuser.execute("DELETE FROM audit_logs WHERE id = %s", [first_event()])

    assert "row_missing" in kinds(old_month.verify())


def test_a_record_that_no_seal_signed_covers_nothing(old_month, superuser):
    AuditRetirement.objects.create(month=MONTH, rows=4, event_id=first_event())
    superuser.execute(f"DROP TABLE {PARTITION}")

    assert "partition_missing" in kinds(old_month.verify())


def test_a_month_with_unsealed_rows_waits(old_month, superuser):
    old_month.write(1)
    with unguarded(superuser):
        superuser.execute(
            "UPDATE audit_logs a SET recorded_at = '2010-03-05 12:00Z' WHERE NOT EXISTS"
            " (SELECT FROM audit_leaves l WHERE l.event_id = a.id)"
        )

    with pytest.raises(NotRetirable, match="5 rows, 4 are sealed"):
        retire()


def test_retention_still_holds(log):
    log.write_sealed(1)
    month = timezone.now().date()
    retire_month(month=month, actor="system:retention", now=timezone.now())
    log.seal()

    with pytest.raises(Exception, match="within its retention"), transaction.atomic():
        retire_month(month=month, actor="system:retention", now=timezone.now())
