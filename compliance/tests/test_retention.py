from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from compliance import partitions, retention
from compliance.models import AuditLog, PrivacyExport, RetentionSchedule
from compliance.privacy.retaining import apply_retention
from compliance.privacy.tests.factories import make_request, run_due
from compliance.tests.factories import NOW
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db


def test_every_class_has_a_schedule_and_every_schedule_a_class():
    assert retention.list_data_classes() == sorted(
        RetentionSchedule.objects.values_list("data_class", flat=True)
    )


def test_what_is_too_old_goes_and_is_counted(capsys):
    make_request("access")
    run_due()

    assert apply_retention(now=NOW + timedelta(days=29))["exports"] == 0
    assert PrivacyExport.objects.count() == 1
    call_command("apply_retention")

    assert PrivacyExport.objects.count() == 0
    assert "exports              1" in capsys.readouterr().out
    row = AuditLog.objects.get(name="retention.applied")
    assert (row.target_id, row.payload) == ("exports", {"keep_days": 30, "removed": 1})


def test_a_class_without_a_schedule_is_an_error():
    RetentionSchedule.objects.filter(data_class="drafts").delete()

    with pytest.raises(LookupError, match="drafts"):
        apply_retention(now=NOW)


def test_whole_months_of_signals_are_dropped_but_none_that_its_floor_protects():
    today = datetime.now(UTC)
    month = date(today.year - 2, today.month, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT revctx_create_month_partition('signals', %s)", [month])

    assert retention.drop_months("signals", datetime(month.year, month.month, 15, tzinfo=UTC)) == 0
    assert apply_retention(now=today)["signals"] == 1
    assert partitions.drop_partitions(table="signals", before=today) == 0  # the floor keeps the rest


def test_a_change_in_the_admin_is_audited():
    client = sign_in("admin")
    User.objects.filter(pk=client.person.pk).update(is_staff=True, is_superuser=True)

    response = client.post(
        "/admin/compliance/retentionschedule/drafts/change/", {"keep_days": 60, "reason": "shorter"}
    )

    assert response.status_code == 302, response.content
    assert RetentionSchedule.objects.get(data_class="drafts").keep_days == 60
    assert AuditLog.objects.get(name="retention.changed").payload == {"keep_days": 60}
