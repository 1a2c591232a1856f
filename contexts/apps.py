"""The contexts app: accounts, their evidence and their score."""

from django.apps import AppConfig

from compliance import audit

_UNRECORDED_ACCOUNTS = """
SELECT c.id::text FROM contexts_account c
WHERE c.created_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = c.id::text AND a.name = 'account.created')
"""
# Every crossing, and the band that each account is in: it begins as cold, and the newest row says the rest.
_UNRECORDED_CONTEXTS = """
SELECT c.account_id::text FROM contexts_crossing c
WHERE c.crossed_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = c.account_id::text AND a.name = 'context.updated'
    AND (a.payload->>'version')::bigint = c.version)
UNION
SELECT s.account_id::text FROM account_contexts s
WHERE s.scored_at >= %(since)s AND s.band <> coalesce((
    SELECT a.payload->>'new_band' FROM audit_logs a
    WHERE a.target_id = s.account_id::text AND a.name = 'context.updated'
    ORDER BY (a.payload->>'version')::bigint DESC LIMIT 1), 'cold')
"""


class ContextsConfig(AppConfig):
    """Registers what the app records, measures and erases."""

    name = "contexts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the app's transitions, its eraser and its gauges."""
        from compliance import erasure  # models are loaded by now, not earlier
        from compliance.breaches import registry as breaches
        from compliance.privacy import registry as privacy
        from contexts import erasers, exporters, gauges, places

        audit.register_transitions(
            "contexts",
            {
                *("account.created", "context.updated", "config.activated", "account.enriched"),
                *("context_replay.started", "context_replay.finished"),
                *("account.merged", "account.split", "contact.merged", "contact.split"),
                *("match.noted", "match.dismissed", "match.failed"),
            },
        )
        places.register_places()
        audit.register_reconciliation("account", _UNRECORDED_ACCOUNTS)
        audit.register_reconciliation("context", _UNRECORDED_CONTEXTS)
        erasure.register_eraser("contexts", erasers.erase_subject)
        privacy.register_exporter("contexts", exporters.export_subject)
        breaches.register_finder("contexts_contact", exporters.find_persons)
        privacy.register_stopper("contexts", erasers.stop_scoring)
        privacy.register_corrector("contexts", exporters.correct_subject)
        gauges.register()
