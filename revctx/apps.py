"""The composition root as a Django app: it carries the project's own commands."""

from django.apps import AppConfig


class RevctxConfig(AppConfig):
    """Commands that span all apps, and the Celery application that they send hints through."""

    name = "revctx"
    label = "revctx"

    def ready(self) -> None:
        """Make ours the current Celery application in every process."""
        from revctx import celery

        celery.app.set_default()
