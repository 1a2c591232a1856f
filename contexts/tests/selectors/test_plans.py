"""Each query that grows with the data uses its index."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, connections

from contexts import selectors
from contexts.models import ScoreBucket
from contexts.selectors.graph import get_graph
from contexts.services import sweeping
from contexts.tests.factories import NOW, make_draft, score_signals

FILL = """
INSERT INTO contexts_account (id, name, attributes, fact_sources, created_at)
SELECT gen_random_uuid(), 'account ' || n, jsonb_build_object('industry', 'i' || n % 400), '{}', now()
FROM generate_series(1, 6000) AS n;
INSERT INTO account_contexts (account_id, intent_score, fit_score, priority, band, hot_until, version,
                              published_intent, scored_at, activation_id)
SELECT id, x, 1, x, CASE WHEN x > 95 THEN 'hot' ELSE 'cold' END,
       CASE WHEN x > 95 THEN now() + random() * interval '30 days' END, 1, x,
       now() - random() * interval '9 hours', 1
FROM (SELECT id, random() * 100 AS x FROM contexts_account WHERE name LIKE 'account %') AS a;
INSERT INTO contexts_accountalias (account_id, kind, value, created_at)
SELECT id, 'crm_id', 'crm-' || name, now() FROM contexts_account WHERE name LIKE 'account %';
INSERT INTO contexts_scorebucket (account_id, decay_id, type, stage, subject_id, bucket, mass, latest_at)
SELECT id, 1, 'page_view', '', CASE WHEN n = 1 THEN gen_random_uuid() END, 6000 + n, 1, now()
FROM contexts_account, generate_series(1, 3) AS n WHERE name LIKE 'account %';
INSERT INTO contexts_ledgerentry (signal_id, decay_id, account_id, type, stage, subject_id, occurred_at,
                                  strength, bucket, mass, recorded_at)
SELECT gen_random_uuid(), 1, id, 'page_view', '', NULL, now() - n * interval '30 days', 1, 6000, 1, now()
FROM contexts_account, generate_series(1, 4) AS n WHERE name LIKE 'account %';
INSERT INTO contexts_identitymerge (id, kind, merged_id, survivor_id, actor, merged_at, undone_by,
                                    before, after)
SELECT gen_random_uuid(), 'account', id, gen_random_uuid(), '', now() - interval '9 days', '', '{}', '{}'
FROM contexts_account WHERE name LIKE 'account %';
"""


TABLES = (
    "contexts_account",
    "account_contexts",
    "contexts_accountalias",
    "contexts_scorebucket",
    "contexts_ledgerentry",
    "contexts_identitymerge",
)


@pytest.fixture
def explain():
    """Return a function that gives the plans of what a read asks, for tables of 6,000 accounts.

    The rows and their statistics live in an uncommitted transaction of the owner, for the app may not
    ANALYZE; the reads run on the app's connection and their statements are explained on the owner's.
    """
    with connections["owner"].cursor() as cursor:
        cursor.execute(FILL)
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")

    def run(read) -> str:
        asked = []

        def note(execute, sql, parameters, many, context):
            asked.append((sql, parameters))
            return execute(sql, parameters, many, context)

        with connection.execute_wrapper(note):
            read()
        plans = []
        with connections["owner"].cursor() as cursor:
            for sql, parameters in asked:
                if sql.lstrip().upper().startswith(("SELECT", "WITH")):
                    cursor.execute("EXPLAIN " + sql, parameters)
                    plans += [row[0] for row in cursor.fetchall()]
        return "\n".join(plans)

    return run


@pytest.mark.django_db(databases=["default", "owner"])
def test_each_query_that_grows_with_the_data_uses_its_index(explain, subtests):
    score_signals(make_draft("demo_requested"))
    account_id = selectors.get_account_id("crm-1")
    reads = {
        "context_priority": lambda: selectors.list_accounts(limit=50),
        "context_band_priority": lambda: selectors.list_accounts(band="cold", limit=50),
        "account_attributes": lambda: selectors.list_accounts(attributes={"industry": "i7"}),
        "alias_value_prefix": lambda: selectors.get_account("crm-1"),
        "one_bucket_a_key": lambda: selectors.get_score(account_id=account_id, as_of=NOW),
        "ledger_account_time": lambda: selectors.get_score(
            account_id=account_id, as_of=NOW - timedelta(days=3)
        ),
        "context_hot_until": lambda: list(sweeping._list_cooled(NOW)[:500]),
        "context_stale": lambda: list(sweeping._list_stale(NOW)[:500]),
        "ledger_time": lambda: selectors.list_accounts(as_of=NOW - timedelta(days=900)),
        "bucket_subject": lambda: list(ScoreBucket.objects.filter(subject_id=uuid4())),
    }
    for index, read in reads.items():
        with subtests.test(index):
            assert index in explain(read)


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_past_graph_does_not_read_the_merges_of_everybody(explain):
    score_signals(make_draft("demo_requested"))
    account_id = selectors.get_account_id("crm-1")
    then = NOW - timedelta(days=1)

    plans = explain(lambda: get_graph(account_id=account_id, valid_at=then, known_at=then, now=NOW))

    assert "merge_merged" in plans
    assert "Seq Scan on contexts_identitymerge" not in plans
