"""Application of consent, persons' keys, erasure and the audit log."""

from django.apps import AppConfig

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
    "subject.opened",
    "subject_keys.rotated",
    "suppression.lifted",
)


class ComplianceConfig(AppConfig):
    """Hands the audit log to the layers below."""

    name = "compliance"

    def ready(self) -> None:
        """Register the recorder and this app's transitions."""
        from compliance import audit  # models are loadable only now
        from compliance.sealing import gauges

        audit.register_transitions("compliance", (*TRANSITIONS, *SEAL_TRANSITIONS))
        gauges.register()
        registry.set_audit_recorder(audit.record_fields)
