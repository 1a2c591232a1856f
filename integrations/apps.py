"""The integrations app: doors to and from other people's systems."""

from django.apps import AppConfig
from django.utils import timezone

from revctx.observability import registry


class IntegrationsConfig(AppConfig):
    """Checks the connectors' settings at start."""

    name = "integrations"

    def ready(self) -> None:
        """Register the system checks, the models of the connectors and their gauges."""
        # Importing registers them, and needs the settings to be complete.
        from integrations import checks  # noqa: F401
        from integrations.outreach import models  # noqa: F401
        from integrations.salesforce.changes import cursors

        registry.register_gauge(
            "connector_cursor_age_seconds",
            "Time since a stream of changes last told its position, seconds; 0 without streams.",
            lambda: cursors.read_age_seconds(now=timezone.now()),
        )
