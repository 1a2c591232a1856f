"""WSGI entry: what the web server loads."""

import os
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revctx.settings")


def _make_application() -> Any:
    django = get_wsgi_application()
    from revctx.api.lean_path import LeanDoor

    return LeanDoor(django)


application = _make_application()
