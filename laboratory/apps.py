"""The laboratory's start: what it hands to the layers below."""

from django.apps import AppConfig


class LaboratoryConfig(AppConfig):
    """Replays real signals against another configuration, apart from production."""

    name = "laboratory"
    verbose_name = "Laboratory"

    def ready(self) -> None:
        """Register the gauge and the names of audited transitions."""
        from laboratory import registration

        registration.register()
