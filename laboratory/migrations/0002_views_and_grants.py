"""Redacting views over signals and contexts, and exactly the privileges that each role needs."""

from django.db import migrations

VIEWS = """
CREATE VIEW lab.signal_view WITH (security_barrier) AS
SELECT s.id, s.source, s.type, s.occurred_at, s.received_at, s.subject_id, s.strength, s.attributes, s.txid
FROM public.signals s
WHERE NOT EXISTS (
    SELECT FROM public.subjects p WHERE p.id = s.subject_id AND p.erased_at IS NOT NULL
);
COMMENT ON VIEW lab.signal_view IS 'Signals without anything sealed; persons are random ids, erased ones hidden.';

CREATE VIEW lab.ledger_view WITH (security_barrier) AS
SELECT l.id, l.signal_id, d.version AS decay_version, l.account_id, l.type, l.stage, l.subject_id,
    l.occurred_at, l.strength, l.recorded_at
FROM public.contexts_ledgerentry l JOIN public.contexts_decayconfig d ON d.id = l.decay_id
WHERE NOT EXISTS (
    SELECT FROM public.subjects p WHERE p.id = l.subject_id AND p.erased_at IS NOT NULL
);
COMMENT ON VIEW lab.ledger_view IS 'Which signal counts for which account; erased persons hidden.';

CREATE VIEW lab.account_view WITH (security_barrier) AS
SELECT a.id, a.attributes, a.created_at FROM public.contexts_account a;
COMMENT ON VIEW lab.account_view IS 'Accounts without their names: typed facts only.';
"""
DROP_VIEWS = "DROP VIEW lab.account_view, lab.ledger_view, lab.signal_view"

GRANTS = """
GRANT USAGE ON SCHEMA lab TO revctx_app, revctx_lab;

-- The laboratory reads what it needs and writes results; it defines nothing and promotes nothing.
GRANT SELECT ON lab.signal_view, lab.ledger_view, lab.account_view TO revctx_lab;
GRANT SELECT ON lab.experiment, lab.run, lab.crossing_decision TO revctx_lab;
GRANT INSERT ON lab.crossing_decision TO revctx_lab;
GRANT UPDATE (state, started_at, finished_at, heartbeat_at, worker, attempt, processed, total, manifest,
    metrics, metrics_sha256, failure) ON lab.run TO revctx_lab;

-- The web process defines, and alone decides on promotions; results and definitions it cannot change.
GRANT SELECT ON ALL TABLES IN SCHEMA lab TO revctx_app;
GRANT INSERT ON lab.experiment, lab.run, lab.promotion TO revctx_app;
GRANT UPDATE (state, approver, decided_at, applied_at, void_reason, rolled_back_by, rolled_back_at,
    restored_at) ON lab.promotion TO revctx_app;
"""
REVOKE = """
REVOKE ALL ON ALL TABLES IN SCHEMA lab FROM revctx_app, revctx_lab;
REVOKE ALL ON SCHEMA lab FROM revctx_app, revctx_lab;
"""


class Migration(migrations.Migration):
    """Views first, then who may use what."""

    dependencies = [
        ("laboratory", "0001_initial"),
        ("compliance", "0001_initial"),
        ("signals", "0001_initial"),
        ("contexts", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(VIEWS, DROP_VIEWS),
        migrations.RunSQL(GRANTS, REVOKE),
    ]
