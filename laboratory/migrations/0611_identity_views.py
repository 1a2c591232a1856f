"""Redacting views of what was taken back and of who was held for one, by when it was recorded."""

from django.db import migrations

VIEWS = """
CREATE VIEW lab.retraction_view WITH (security_barrier) AS
SELECT r.signal_id, r.retracted_at FROM public.contexts_retraction r;
COMMENT ON VIEW lab.retraction_view IS 'Which signals were taken back, and when; neither by whom nor why.';

CREATE VIEW lab.merge_view WITH (security_barrier) AS
SELECT m.id, 'accounts' AS kind, m.merged_id, m.survivor_id, m.merged_at, m.undone_at
FROM public.contexts_identitymerge m WHERE m.kind = 'account'
UNION ALL
SELECT l.id, 'persons', l.subject_id, l.survivor_id, l.linked_at, l.unlinked_at
FROM public.subject_links l
WHERE NOT EXISTS (
    SELECT FROM public.subjects p WHERE p.id IN (l.subject_id, l.survivor_id) AND p.erased_at IS NOT NULL
);
COMMENT ON VIEW lab.merge_view IS 'Which accounts and persons were held for one, from when until when; erased persons hidden.';

GRANT SELECT ON lab.retraction_view, lab.merge_view TO revctx_app, revctx_lab;
"""
DROP_VIEWS = "DROP VIEW lab.merge_view, lab.retraction_view"


class Migration(migrations.Migration):
    """What the replay needs to follow identity and retraction as production did."""

    dependencies = [
        ("laboratory", "0002_views_and_grants"),
        ("compliance", "0501_subject_links"),
        ("contexts", "0511_scoring"),
    ]
    operations = [migrations.RunSQL(VIEWS, DROP_VIEWS)]
