from datetime import UTC, date, datetime, timedelta

import pytest
from axes.models import AccessLog
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection

from compliance import partitions, retention
from compliance.models import AuditLog, PrivacyExport, RetentionSchedule
from compliance.privacy.retaining import RetentionIncomplete, apply_retention
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


def test_a_class_that_fails_or_has_no_schedule_keeps_no_other_from_its_turn(monkeypatch, capsys):
    make_request("access")
    run_due()
    RetentionSchedule.objects.filter(data_class="drafts").delete()

    def fail(before):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    monkeypatch.setattr(retention, "_removers", dict(retention._removers))
    retention.register_retention("a-first-one", fail)
    RetentionSchedule.objects.create(data_class="a-first-one", keep_days=1, reason="", updated_at=NOW)

    with pytest.raises(CommandError, match="a-first-one: DataError; drafts: no retention schedule"):
        call_command("apply_retention")

    assert PrivacyExport.objects.count() == 0
    assert "exports              1" in capsys.readouterr().out
    with pytest.raises(RetentionIncomplete) as incomplete:
        apply_retention(now=NOW)
    assert set(incomplete.value.failed) == {"a-first-one", "drafts"}


def test_old_sign_ins_and_sessions_go():
    for age in (89, 91):
        moment = NOW - timedelta(days=age)
        session = Session.objects.create(session_key=f"s{age}", session_data="", expire_date=moment)
        AccessLog.objects.create(username="mia", ip_address="127.0.0.1", path_info="/")
        AccessLog.objects.filter(attempt_time__gt=NOW - timedelta(days=1)).update(attempt_time=moment)

    assert apply_retention(now=NOW)["sign_ins"] == 2
    assert Session.objects.get().session_key == "s89" != session.session_key


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


def test_no_class_is_kept_for_less_than_it_has_to_be(admin_client):
    page = "/admin/compliance/retentionschedule/deliveries/change/"

    refused = admin_client.post(page, {"keep_days": 3, "reason": "shorter"})

    assert "This class is kept for at least 4 days." in refused.content.decode()
    assert RetentionSchedule.objects.get(data_class="deliveries").keep_days == 30
    assert admin_client.post(page, {"keep_days": 4, "reason": "shorter"}).status_code == 302
