"""Which database connection the laboratory's tables are reached through."""

from typing import Any

from django.conf import settings
from django.db.models import Model

APP_LABEL = "laboratory"


class LaboratoryRouter:
    """Sends laboratory tables to the role that the process is allowed to be.

    The web process defines experiments and moves the production pointer, so it works as
    the app role (`default`). The laboratory's own process knows its own role only (`lab`).
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """Return the alias for reading, None for tables of other apps."""
        return self._alias(model)

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        """Return the alias for writing, None for tables of other apps."""
        return self._alias(model)

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool | None:
        """Allow relations inside the laboratory and none across its border."""
        inside = {_is_ours(type(first)), _is_ours(type(second))}
        if inside == {True, False}:
            return False
        return True if inside == {True} else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Forbid migrating anything as the laboratory's role."""
        return False if db == "lab" else None

    def _alias(self, model: type[Model]) -> str | None:
        if not _is_ours(model):
            return None
        return "lab" if settings.EXECUTION_MODE == "laboratory" else "default"


def _is_ours(model: type[Model]) -> bool:
    return model._meta.app_label == APP_LABEL
