"""Under which name a failed sign-in is counted: one that is an e-mail address is kept as a keyed hash."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

_SALT = "revctx.web.attempts"


def name_attempt(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str:
    """Return the name typed, hashed where it may be anybody's address; equal names stay equal."""
    typed = (credentials or {}).get("username")
    if typed is None and request is not None:
        typed = request.POST.get("username", "")
    name = str(typed or "")
    return salted_hmac(_SALT, name.lower(), algorithm="sha256").hexdigest()[:40] if "@" in name else name
