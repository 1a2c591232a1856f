"""The integrations app: doors to and from other people's systems."""

from django.apps import AppConfig
from django.utils import timezone

from compliance import audit, erasure
from compliance.privacy import registry as privacy
from revctx.observability import registry


class IntegrationsConfig(AppConfig):
    """Checks the connectors' settings at start, and registers what the app records and erases."""

    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, the models of the connectors, transitions, eraser and gauge."""
        # Importing registers the checks; these need the settings and the models to be complete.
        from integrations import checks, exporters, places, references, replaying  # noqa: F401
        from integrations.outreach import models  # noqa: F401
        from integrations.salesforce.changes import cursors

        places.register_places()
        privacy.register_exporter("integrations", exporters.export_references)
        audit.register_transitions(
            "integrations", {"integration_source.created", "integration_source.changed"}
        )
        erasure.register_eraser("integrations", references.forget_subject)
        replaying.register_mappers()
        registry.register_gauge(
            "connector_cursor_age_seconds",
            "Time since a stream of changes last told its position, seconds; 0 without streams.",
            lambda: cursors.read_age_seconds(now=timezone.now()),
        )
