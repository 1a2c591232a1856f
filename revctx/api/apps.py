"""Application of the HTTP contract: tokens, errors, parsing, pagination, idempotency."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """What every endpoint shares."""

    name = "revctx.api"
    label = "api"
