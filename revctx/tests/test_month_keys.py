"""The key of a month is destroyed once nothing is left that it opens, and not before."""

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection

from compliance import retention, subjects
from compliance.privacy.retaining import apply_retention, destroy_month_keys
from compliance.tests.factories import NOW
from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals
from signals.services.quarantine import quarantine, remove_quarantined

pytestmark = pytest.mark.django_db
_SEALED = """
SELECT DISTINCT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname ~ '^sealed'
  AND format_type(a.atttypid, -1) = 'bytea'
"""


def store_about_nobody(now):
    """Store a signal without a person; return its content as it can be opened."""
    draft = SignalDraft(
        source="web", type="page_view", external_id="r-1", occurred_at=now, account={"crm_id": "north"}
    )
    [stored] = ingest_signals(drafts=[draft], actor="system:test", now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM signals WHERE id = %s", [stored.signal_id])
        [sealed] = cursor.fetchone()
    return None, bytes(sealed), stored.signal_id.bytes


def opens(item):
    return subjects.open_sealed(items=[item], actor="user:1", purpose="test", now=NOW) != [None]


def test_the_key_of_a_month_is_destroyed_once_nothing_needs_it():
    today = datetime.now(UTC)
    then = datetime(today.year - 2, today.month, 10, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT revctx_create_month_partition('signals', %s)", [then.date().replace(day=1)])
    old, young = store_about_nobody(then), store_about_nobody(today)

    first = apply_retention(now=today)
    assert (first["month_keys"], first["signals"]) == (0, 1)  # the key outlives its last signal by a run
    assert opens(old)
    assert apply_retention(now=today)["month_keys"] == 1

    assert not opens(old)
    assert opens(young)
    assert apps.get_model("compliance", "MonthKey").objects.filter(wrapped_key__isnull=False).count() == 1
    assert (
        apps.get_model("compliance", "AuditLog")
        .objects.filter(name="retention.applied", target_id="month_keys")
        .count()
        == 1
    )


def test_the_key_of_a_month_stays_while_a_body_in_quarantine_needs_it():
    quarantine(source="salesforce", reason="unknown", payload=b"{}", now=NOW)
    long_after = NOW + timedelta(days=800)

    assert destroy_month_keys(long_after) == 0
    remove_quarantined(long_after)
    assert destroy_month_keys(long_after) == 1


def test_every_table_that_may_need_a_months_key_is_asked():
    with connection.cursor() as cursor:
        cursor.execute(_SEALED)
        sealed = {table for (table,) in cursor.fetchall()}
    always_a_persons = {
        *("subjects", "contexts_contact", "consent_revisions", "privacy_exports", "privacy_requests"),
    }

    assert sealed - always_a_persons == set(retention.list_month_holders())
