"""The integrations app: doors to and from other people's systems."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Checks the connectors' settings at start."""

    name = "integrations"

    def ready(self) -> None:
        """Register the system checks."""
        # Importing registers them, and needs the settings to be complete.
        from integrations import checks  # noqa: F401
