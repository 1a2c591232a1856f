"""Application of consent, persons' keys, erasure and the audit log."""

from django.apps import AppConfig

from revctx.observability import registry

TRANSITIONS = ("consent.granted", "consent.revoked", "subject.erased", "subject.opened", "suppression.lifted")


def _register_privacy() -> None:
    """Register what privacy requests record, erase, export and check."""
    from compliance import audit, erasure, own_places  # models are loadable only now
    from compliance.privacy import erasers, own_data, reapplying, retaining, states
    from compliance.privacy.registry import register_exporter
    from compliance.retention import register_retention

    own_places.register_places()
    audit.register_transitions("compliance", states.AUDIT_NAMES)
    erasure.register_eraser("compliance.requests", erasers.erase_requests)
    register_exporter("consent", own_data.export_consent)
    register_exporter("requests", own_data.export_requests)
    register_retention("exports", retaining.remove_exports)
    register_retention("privacy_requests", retaining.remove_request_details)
    registry.register_health_check("erasures", reapplying.check_readiness)


class ComplianceConfig(AppConfig):
    """Hands the audit log to the layers below."""

    name = "compliance"

    def ready(self) -> None:
        """Register the recorder and this app's transitions."""
        from compliance import audit  # models are loadable only now

        audit.register_transitions("compliance", TRANSITIONS)
        registry.set_audit_recorder(audit.record_fields)
        _register_privacy()
