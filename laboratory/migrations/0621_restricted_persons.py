"""The redacting views hide restricted persons as they hide erased ones: a replay is processing, too."""

from django.db import migrations

RESTRICTED = """
CREATE VIEW lab.restricted_person AS
WITH RECURSIVE restricted(id) AS (
    SELECT r.subject_id FROM public.privacy_restrictions r WHERE r.lifted_at IS NULL
  UNION
    SELECT CASE WHEN l.subject_id = p.id THEN l.survivor_id ELSE l.subject_id END
    FROM restricted p JOIN public.subject_links l
        ON p.id IN (l.subject_id, l.survivor_id) AND l.unlinked_at IS NULL
)
SELECT id FROM restricted;
COMMENT ON VIEW lab.restricted_person IS 'Who is restricted now, also as another who is the same person.';
"""
NOT_ERASED = "NOT EXISTS (SELECT FROM public.subjects p WHERE p.id = {person} AND p.erased_at IS NOT NULL)"
MAY_BE_SEEN = f"{NOT_ERASED} AND NOT EXISTS (SELECT FROM lab.restricted_person r WHERE r.id = {{person}})"
SIGNALS = """
CREATE OR REPLACE VIEW lab.signal_view WITH (security_barrier) AS
SELECT s.id, s.source, s.type, s.occurred_at, s.received_at, s.subject_id, s.strength, s.attributes, s.txid
FROM public.signals s WHERE {condition};
COMMENT ON VIEW lab.signal_view IS 'Signals without anything sealed; persons are random ids, {hidden} hidden.';
"""
LEDGER = """
CREATE OR REPLACE VIEW lab.ledger_view WITH (security_barrier) AS
SELECT l.id, l.signal_id, d.version AS decay_version, l.account_id, l.type, l.stage, l.subject_id,
    l.occurred_at, l.strength, l.recorded_at
FROM public.contexts_ledgerentry l JOIN public.contexts_decayconfig d ON d.id = l.decay_id
WHERE {condition};
COMMENT ON VIEW lab.ledger_view IS 'Which signal counts for which account; {hidden} persons hidden.';
"""
MERGES = """
CREATE OR REPLACE VIEW lab.merge_view WITH (security_barrier) AS
SELECT m.id, 'accounts' AS kind, m.merged_id, m.survivor_id, m.merged_at, m.undone_at
FROM public.contexts_identitymerge m WHERE m.kind = 'account'
UNION ALL
SELECT l.id, 'persons', l.subject_id, l.survivor_id, l.linked_at, l.unlinked_at
FROM public.subject_links l WHERE {one} AND {other};
COMMENT ON VIEW lab.merge_view IS
    'Which accounts and persons were held for one, from when until when; {hidden} persons hidden.';
"""


def make_views(condition: str, hidden: str) -> str:
    """Return the statements of the three views that name persons."""
    return (
        SIGNALS.format(condition=condition.format(person="s.subject_id"), hidden=hidden)
        + LEDGER.format(condition=condition.format(person="l.subject_id"), hidden=hidden)
        + MERGES.format(
            one=condition.format(person="l.subject_id"),
            other=condition.format(person="l.survivor_id"),
            hidden=hidden,
        )
    )


class Migration(migrations.Migration):
    """From now on nobody's evidence is replayed who asked that it be stored and nothing else."""

    dependencies = [("laboratory", "0611_identity_views"), ("compliance", "0501_subject_links")]
    operations = [
        migrations.RunSQL(
            RESTRICTED + make_views(MAY_BE_SEEN, "erased and restricted"),
            make_views(NOT_ERASED, "erased") + "DROP VIEW lab.restricted_person;",
        )
    ]
