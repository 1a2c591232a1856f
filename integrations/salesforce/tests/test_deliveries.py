from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from compliance.privacy.retaining import apply_retention
from integrations.salesforce.deliveries import quarantine_once
from integrations.salesforce.models import SeenDelivery
from signals.selectors import list_open_quarantine

pytestmark = pytest.mark.django_db


def deliver(name, *, age):
    now = datetime.now(UTC) - age
    return quarantine_once(source="salesforce", delivery=name, reason="x", payload=b"{}", now=now)


def test_a_delivery_is_remembered_for_its_time_and_then_forgotten(capsys):
    old = deliver("webhook:old", age=timedelta(days=30, minutes=1))
    young = deliver("webhook:young", age=timedelta(days=29))

    call_command("apply_retention")

    assert "deliveries           1" in capsys.readouterr().out
    assert SeenDelivery.objects.get().quarantine_id == young
    assert deliver("webhook:young", age=timedelta()) == young
    assert deliver("webhook:old", age=timedelta()) != old
    assert apply_retention(now=datetime.now(UTC))["deliveries"] == 0
    assert list_open_quarantine().filter(id=young).exists()


def test_a_delivery_that_may_come_again_is_remembered_whatever_the_schedule_says():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE retention_schedules SET keep_days = 1 WHERE data_class = 'deliveries'")
    deliver("webhook:young", age=timedelta(hours=72))

    assert apply_retention(now=datetime.now(UTC))["deliveries"] == 0
