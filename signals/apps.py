"""The signals app: every buying signal, stored once."""

from functools import partial

from django.apps import AppConfig

from compliance import audit, erasure, retention
from compliance.breaches import registry as breaches
from compliance.privacy import registry as privacy

_UNRECORDED_SIGNALS = """
SELECT s.id::text FROM signals s
WHERE s.received_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = s.id::text AND a.txid = s.txid::text::bigint
    AND a.name IN ('signal.ingested', 'signal.conflicted'))
"""
_UNRECORDED_QUARANTINE = """
SELECT q.id::text FROM signal_quarantine q
WHERE q.received_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = q.id::text AND a.name = 'signal.quarantined')
UNION
SELECT q.id::text FROM signal_quarantine q
WHERE q.resolved_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = q.id::text AND (
        q.outcome = 'dismissed' AND a.name = 'quarantine.dismissed'
        OR a.name = 'quarantine.replayed' AND a.payload->>'status' = q.outcome))
"""


class SignalsConfig(AppConfig):
    """Registers what the app records with the audit log."""

    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the transitions of the app, its eraser and what it gives to an export."""
        from signals import exporters, month_keys, places  # models are loadable only now
        from signals.services import quarantine

        places.register_places()
        erasure.register_eraser("signals.quarantine", quarantine.erase_quarantined)
        retention.register_retention("signals", partial(retention.drop_months, "signals"))
        retention.register_retention("quarantine", quarantine.remove_quarantined)
        retention.register_month_holder("signals", month_keys.is_needed_by_signals)
        retention.register_month_holder("signal_quarantine", month_keys.is_needed_by_quarantine)
        privacy.register_exporter("signals", exporters.export_signals)
        breaches.register_finder("signals", exporters.find_persons)
        audit.register_transitions(
            "signals",
            {
                *("signal.ingested", "signal.conflicted", "signal.quarantined"),
                *("signal_code.registered", "signal_type.created", "signal_type.changed"),
                *("quarantine.opened", "quarantine.replayed", "quarantine.dismissed"),
            },
        )
        audit.register_reconciliation("signal", _UNRECORDED_SIGNALS)
        audit.register_reconciliation("quarantine", _UNRECORDED_QUARANTINE)
