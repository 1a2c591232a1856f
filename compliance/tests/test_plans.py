"""Every query that runs often finds its rows through an index, checked on tables with many rows."""

from uuid import uuid4

import pytest
from django.db import connection

from compliance import selectors
from compliance.models import ConsentRevision, MonthKey, Subject, Suppression
from compliance.tests.factories import NOW

FILL = """
INSERT INTO audit_logs (occurred_at, name, actor, target_type, target_id, account_id, request_id, payload)
SELECT now(), 'subject.opened', 'user:' || n % 50, 'subject', 't-' || n,
       CASE WHEN n % 3 = 0 THEN gen_random_uuid() END, 'r-' || n / 10, '{}'
FROM generate_series(1, 1000) AS n;
INSERT INTO subjects (id, address_hash, hash_key_id, suppression_hash, wrapped_key, wrapping_key_id,
    sealed_address, created_at)
SELECT gen_random_uuid(), sha256(n::text::bytea), 'k', sha256(n::text::bytea), 'x', 'k', 'x', now()
FROM generate_series(1, 1000) AS n;
INSERT INTO suppressions (id, address_hash, hash_key_id, reason, created_at)
SELECT gen_random_uuid(), sha256(n::text::bytea), 'k', 'erased', now() FROM generate_series(1, 1000) AS n;
INSERT INTO consent_revisions (id, subject_id, purpose, channel, number, status, lawful_basis, jurisdiction,
    notice_version, source, subscriber_type, captured_at, actor)
SELECT gen_random_uuid(), id, 'outreach', 'email', n, 'granted', 'consent', 'DE', '1', 's',
    'individual', now(), 'user:1'
FROM subjects, generate_series(1, 2) AS n;
"""


@pytest.fixture
def filled(db):
    """Fill the tables in this test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        # The application owns nothing and so cannot ANALYZE; sequential scans are priced out instead.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")


@pytest.mark.django_db
@pytest.mark.usefixtures("filled")
class TestAuditPlans:
    @pytest.mark.parametrize(
        ("filters", "column"),
        [
            ({}, None),
            ({"name": "subject.opened"}, "name"),
            ({"actor": "user:7"}, "actor"),
            ({"target_id": "t-7"}, "target_id"),
            ({"request_id": "r-7"}, "request_id"),
            ({"account_id": uuid4()}, "account_id"),
        ],
    )
    def test_a_filtered_page_is_read_in_order_from_one_index(self, filters, column):
        plan = selectors.list_audit_events(**filters)[:51].explain()

        assert "Seq Scan" not in plan
        # The index gives the order of time; only what shares a time is sorted by id.
        assert "Presorted Key: audit_logs.recorded_at" in plan
        assert plan.count("Sort  (") == plan.count("Incremental Sort  (") == 1
        if column:
            assert f"Index Cond: ({column} = " in plan or f"Index Cond: (({column})::text = " in plan


@pytest.mark.django_db
@pytest.mark.usefixtures("filled")
class TestOtherPlans:
    @pytest.mark.parametrize(
        ("queryset", "condition"),
        [
            (Subject.objects.filter(address_hash=b"x" * 32), "address_hash ="),
            (Subject.objects.filter(id__in=[uuid4(), uuid4()]), "id = ANY"),
            (Suppression.objects.filter(address_hash__in=[b"x", b"y"], lifted_at=None), "address_hash = ANY"),
            (MonthKey.objects.filter(month=NOW.date()), "month ="),
            (
                ConsentRevision.objects.filter(subject_id__in=[uuid4()], purpose="outreach", channel="email")
                .order_by("subject_id", "-number")
                .distinct("subject_id"),
                "subject_id =",
            ),
            (
                ConsentRevision.objects.filter(subject_id=uuid4())
                .order_by("purpose", "channel", "-number")
                .distinct("purpose", "channel"),
                "subject_id =",
            ),
        ],
    )
    def test_rows_are_found_by_index(self, queryset, condition):
        plan = queryset.explain()

        assert "Seq Scan" not in plan
        assert condition in plan
