"""The app that owns login, home, error pages and the template tags."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Django app `web`."""

    name = "revctx.web"
    label = "web"
    verbose_name = "Pages"
