"""The integrations app: doors to and from other people's systems."""

from django.apps import AppConfig

from compliance import audit, erasure
from compliance.privacy import registry as privacy


class IntegrationsConfig(AppConfig):
    """Checks the connectors' settings at start, and registers what the app records and erases."""

    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, the app's transitions and its eraser."""
        # Importing registers the checks; these need the settings and the models to be complete.
        from integrations import (
            checks,  # noqa: F401
            exporters,
            places,
            references,
        )

        places.register_places()
        privacy.register_exporter("integrations", exporters.export_references)
        audit.register_transitions(
            "integrations", {"integration_source.created", "integration_source.changed"}
        )
        erasure.register_eraser("integrations", references.forget_subject)
