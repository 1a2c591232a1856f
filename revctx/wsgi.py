"""WSGI entry: what the web server loads."""

import os
from importlib import import_module
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revctx.settings")


def _make_application() -> Any:
    django = get_wsgi_application()
    from django.conf import settings

    from revctx.api.lean_path import LeanDoor
    from revctx.garbage import spare_loaded_code

    application = LeanDoor(django)
    import_module(settings.ROOT_URLCONF)  # every view, which the first request would wait for
    spare_loaded_code()
    return application


application = _make_application()
