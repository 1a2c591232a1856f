"""Application of consent, persons' keys, erasure and the audit log."""

from django.apps import AppConfig
from django.utils import timezone

from revctx.observability import registry

SEAL_TRANSITIONS = (
    "audit_month.retired",
    "audit_key.rotated",
    "audit_verification.requested",
    "audit_verification.finished",
)
TRANSITIONS = (
    "consent.granted",
    "consent.opted_out",
    "consent.pending_confirmation",
    "consent.revoked",
    "consent_policy.added",
    "consent_policy.changed",
    "subject.erased",
    "subject.linked",
    "subject.opened",
    "subject.unlinked",
    "subject_keys.rotated",
    "suppression.lifted",
)


def _register_privacy() -> None:
    """Register what privacy requests record, erase, export and check."""
    from compliance import audit, erasure, own_places  # models are loadable only now
    from compliance.breaches import registry as breaches
    from compliance.breaches.services import AUDIT_NAMES as BREACH_NAMES
    from compliance.privacy import erasers, own_data, reapplying, retaining, states
    from compliance.privacy.registry import register_exporter
    from compliance.retention import register_retention

    own_places.register_places()
    audit.register_transitions("compliance", states.AUDIT_NAMES | BREACH_NAMES)
    erasure.register_eraser("compliance.requests", erasers.erase_requests)
    register_exporter("consent", own_data.export_consent)
    register_exporter("requests", own_data.export_requests)
    register_retention("audit", retaining.retire_audit_months)
    register_retention("exports", retaining.remove_exports)
    register_retention("month_keys", retaining.destroy_month_keys)
    register_retention("sign_ins", retaining.remove_sign_ins)
    register_retention("privacy_requests", retaining.remove_request_details)
    breaches.register_finder("subjects", own_data.find_known)
    breaches.register_finder("consent_revisions", own_data.find_consents)
    breaches.register_finder("privacy_requests", own_data.find_requesters)
    _register_privacy_gauges()
    registry.register_health_check("erasures", reapplying.check_readiness)


def _register_privacy_gauges() -> None:
    from compliance.breaches.services import read_seconds_left
    from compliance.privacy import selectors

    registry.register_gauge(
        "breach_report_due_seconds",
        "Time left to tell the authority of the breach that is due first; below 0 it is late.",
        lambda: read_seconds_left(now=timezone.now()),
    )
    registry.register_gauge(
        "privacy_requests_late",
        "Open requests of persons whose answer or confirmation is late.",
        lambda: selectors.count_overdue(now=timezone.now()),
    )
    registry.register_gauge(
        "privacy_connector_wait_seconds",
        "Time that the oldest erasure has waited for another's system to forget; 0 when none waits.",
        lambda: selectors.get_connector_wait(now=timezone.now()),
    )


class ComplianceConfig(AppConfig):
    """Hands the audit log to the layers below."""

    name = "compliance"

    def ready(self) -> None:
        """Register the recorder and this app's transitions."""
        from compliance import audit, own_reconciliation, reconciling  # models are loadable only now
        from compliance.sealing import gauges

        audit.register_transitions("compliance", (*TRANSITIONS, *SEAL_TRANSITIONS))
        for name, statement in own_reconciliation.OWN.items():
            audit.register_reconciliation(name, statement)
        # These lie below and can't.
        audit.register_transitions("eventbus", ("work.replayed",))
        audit.register_transitions("api", ("api_token.revoked",))
        gauges.register()
        reconciling.register_gauges()
        registry.set_audit_recorder(audit.record_fields)
        _register_privacy()
