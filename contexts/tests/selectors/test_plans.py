"""Each query that grows with the data uses its index."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from contexts import selectors
from contexts.services import sweeping
from contexts.tests.factories import NOW, make_draft, score_signals

pytestmark = pytest.mark.django_db

FILL = """
INSERT INTO contexts_account (id, name, attributes, fact_sources, created_at)
SELECT gen_random_uuid(), 'account ' || n, jsonb_build_object('industry', 'i' || n % 400), '{}', now()
FROM generate_series(1, 6000) AS n;
INSERT INTO account_contexts (account_id, intent_score, fit_score, priority, band, hot_until, version,
                              published_intent, scored_at, activation_id)
SELECT id, x, 1, x, CASE WHEN x > 95 THEN 'hot' ELSE 'cold' END,
       CASE WHEN x > 95 THEN now() + random() * interval '30 days' END, 1, x, now() - random() * interval '9 hours', 1
FROM (SELECT id, random() * 100 AS x FROM contexts_account WHERE name LIKE 'account %') AS a;
INSERT INTO contexts_accountalias (account_id, kind, value, created_at)
SELECT id, 'crm_id', 'crm-' || name, now() FROM contexts_account WHERE name LIKE 'account %';
INSERT INTO contexts_scorebucket (account_id, decay_id, type, stage, subject_id, bucket, mass, latest_at)
SELECT id, 1, 'page_view', '', CASE WHEN n = 1 THEN gen_random_uuid() END, 6000 + n, 1, now()
FROM contexts_account, generate_series(1, 3) AS n WHERE name LIKE 'account %';
INSERT INTO contexts_ledgerentry (signal_id, decay_id, account_id, type, stage, subject_id, occurred_at, strength,
                                  bucket, mass, recorded_at)
SELECT gen_random_uuid(), 1, id, 'page_view', '', NULL, now() - n * interval '30 days', 1, 6000, 1, now()
FROM contexts_account, generate_series(1, 4) AS n WHERE name LIKE 'account %';
"""


@pytest.fixture
def filled():
    score_signals(make_draft("demo_requested"))
    with connection.cursor() as cursor:
        cursor.execute(FILL)
    return selectors.get_account_id("crm-1")


@pytest.fixture
def plan_of(monkeypatch):
    """Return a function that runs something and gives the plans of its SELECTs as one text."""

    def run(read) -> str:
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            read()
        plans = []
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = on")
            for query in queries.captured_queries:
                sql = query["sql"]
                if sql.lstrip().upper().startswith("SELECT"):
                    cursor.execute("EXPLAIN " + sql)
                    plans += [row[0] for row in cursor.fetchall()]
        return "\n".join(plans)

    return run


@pytest.fixture
def analyzed(filled):
    """Return the account, with statistics: the app may not ANALYZE, so the planner's own estimates serve."""
    return filled


class TestPlans:
    def test_the_ranked_list(self, analyzed, plan_of):
        assert "context_priority" in plan_of(lambda: selectors.list_accounts(limit=50))

    def test_the_ranked_list_of_a_band(self, analyzed, plan_of):
        plan = plan_of(lambda: selectors.list_accounts(band="hot", limit=50))
        assert "context_band_priority" in plan or "context_priority" in plan

    def test_accounts_by_attribute(self, analyzed, plan_of):
        assert "account_attributes" in plan_of(lambda: selectors.list_accounts(attributes={"industry": "i7"}))

    def test_one_account_by_alias(self, analyzed, plan_of):
        plan = plan_of(lambda: selectors.get_account("crm-account 77"))
        assert "alias_value_prefix" in plan or "alias_names_one_account" in plan

    def test_the_evidence_of_an_account(self, analyzed, plan_of):
        plan = plan_of(lambda: selectors.get_score(account_id=analyzed, as_of=NOW))
        assert "one_bucket_a_key" in plan
        assert "ledger_account_time" in plan

    def test_the_past_of_an_account(self, analyzed, plan_of):
        plan = plan_of(lambda: selectors.get_score(account_id=analyzed, as_of=NOW - timedelta(days=3)))
        assert "ledger_account_time" in plan

    def test_bands_that_are_due(self, analyzed, plan_of):
        assert "context_hot_until" in plan_of(lambda: list(sweeping._list_cooled(NOW)[:500]))

    def test_scores_that_are_stale(self, analyzed, plan_of):
        assert "context_stale" in plan_of(lambda: list(sweeping._list_stale(NOW)[:500]))

    def test_all_accounts_as_of_an_early_time(self, analyzed, plan_of):
        early = NOW - timedelta(days=900)
        assert "ledger_time" in plan_of(lambda: selectors.list_accounts(as_of=early))

    def test_buckets_of_a_person(self, analyzed, plan_of):
        from contexts.models import ScoreBucket

        assert "bucket_subject" in plan_of(lambda: list(ScoreBucket.objects.filter(subject_id=uuid4())))
