"""The signals app: every buying signal, stored once."""

from django.apps import AppConfig

from compliance import audit


class SignalsConfig(AppConfig):
    """Registers what the app records with the audit log."""

    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the transitions of the app."""
        audit.register_transitions(
            "signals",
            {"signal.ingested", "signal.conflicted", "signal.quarantined", "signal_code.registered"},
        )
