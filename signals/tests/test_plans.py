"""Each query that has an index uses it."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from signals.models import Signal
from signals.selectors import list_conflicts, list_open_quarantine, list_rows, list_signals

# The owner fills, analyses and asks, all in one transaction: only it may analyse.
OWNER = "owner"
pytestmark = pytest.mark.django_db(databases=["default", OWNER])

_FILL_SIGNALS = """
    INSERT INTO signals (id, received_at, occurred_at, source, type, account, strength, attributes, sealed,
                         schema_version, request_id, conflicts_with)
    SELECT uuidv7(), now(), now() - n * interval '1 minute', 'source-' || n % 20, 'type-' || n % 20,
           jsonb_build_object('crm_id', 'account-' || n), 1, '{}', '', 1, '',
           CASE WHEN n % 1000 = 0 THEN uuidv7() END
    FROM generate_series(1, 20000) AS n
"""
_FILL_QUARANTINE = """
    INSERT INTO signal_quarantine (id, source, reason, sealed, subject_ids, received_at, request_id, state)
    SELECT uuidv7(), 'salesforce', 'missing_id', '', '{}', now() - n * interval '1 minute', '',
           CASE WHEN n % 100 = 0 THEN 'open' ELSE 'resolved' END
    FROM generate_series(1, 10000) AS n
"""


@pytest.fixture
def _many_rows():
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
        for statement in (_FILL_SIGNALS, _FILL_QUARANTINE):
            cursor.execute(statement)
        cursor.execute("ANALYZE signal_quarantine")
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE inhparent = 'signals'::regclass"
        )
        for (partition,) in cursor.fetchall():
            cursor.execute(f"ANALYZE {partition}")


def _plan(queryset):
    sql, parameters = queryset.using(OWNER).query.sql_with_params()
    with connections[OWNER].cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        [(plan,)] = cursor.fetchall()
    return plan if isinstance(plan, list) else json.loads(plan)


def _nodes(plan):
    pending = [plan[0]["Plan"]]
    while pending:
        node = pending.pop()
        yield node
        pending += node.get("Plans", [])


def _indexed_columns(plan):
    """Return the definitions of the indexes that a plan reads."""
    names = [node["Index Name"] for node in _nodes(plan) if "Index Name" in node]
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = ANY(%s)", [names])
        return [definition.split(" USING ")[1] for (definition,) in cursor.fetchall()]


def _assert_uses(queryset, *columns):
    plan = _plan(queryset)
    definitions = _indexed_columns(plan)
    assert definitions, plan
    assert set(definitions) == set(columns), definitions
    # Months without rows may be read whole; nothing else may.
    assert all(node.get("Plan Rows", 0) <= 1 for node in _nodes(plan) if node["Node Type"] == "Seq Scan"), (
        plan
    )
    return plan


@pytest.mark.usefixtures("_many_rows")
class TestPlans:
    def test_the_latest_page(self):
        _assert_uses(list_signals()[:51], "btree (occurred_at, id)")

    def test_a_span_of_time(self):
        now = datetime.now(UTC)
        span = list_signals(since=now - timedelta(hours=9), until=now - timedelta(hours=8))

        _assert_uses(span[:51], "btree (occurred_at, id)")

    def test_one_type(self):
        _assert_uses(list_signals(type="type-7")[:51], "btree (type, occurred_at, id)")

    def test_one_source(self):
        _assert_uses(list_signals(source="source-7")[:51], "btree (source, occurred_at, id)")

    def test_one_account(self):
        _assert_uses(
            list_signals(account="account-77")[:51],
            "gin (account jsonb_path_ops) WITH (fastupdate=off)",
            "btree (id, received_at)",
        )

    def test_other_versions(self):
        signals = Signal.objects.filter(conflicts_with=uuid.uuid4()).order_by("received_at", "id")

        _assert_uses(signals, "btree (conflicts_with) WHERE (conflicts_with IS NOT NULL)")
        assert list_conflicts(signal_id=uuid.uuid4()) == []

    def test_ids_look_into_their_month_only(self):
        [signal_id] = Signal.objects.using(OWNER).values_list("id", flat=True)[:1]

        plan = _assert_uses(list_rows(signal_ids=[signal_id]), "btree (id, received_at)")

        relations = {node["Relation Name"] for node in _nodes(plan) if "Relation Name" in node}
        assert relations == {f"signals_y{datetime.now(UTC):%Ym%m}"}

    def test_open_quarantine(self):
        _assert_uses(
            list_open_quarantine()[:51],
            "btree (received_at DESC, id DESC) WHERE ((state)::text = 'open'::text)",
        )
