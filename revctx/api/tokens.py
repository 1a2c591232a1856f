"""Issue, find and revoke bearer tokens."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Q

from revctx.api.models import ApiToken
from revctx.api.scopes import SCOPES


class UnknownScope(ValueError):
    """A token was asked for with a scope that does not exist."""


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 by which a token is found; the token itself is 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def issue_token(
    *,
    user: User,
    label: str,
    scopes: Collection[str],
    now: datetime,
    expires_at: datetime | None = None,
    source: str = "",
    secret: str = "",
) -> str:
    """Store a token and return its secret, which is shown once; the same secret again changes nothing.

    Raises:
        UnknownScope: a scope does not exist.
    """
    if unknown := set(scopes) - SCOPES:
        raise UnknownScope(f"No such scope: {', '.join(sorted(unknown))}.")
    secret = secret or f"rvx_{secrets.token_urlsafe(32)}"
    ApiToken.objects.get_or_create(
        digest=digest_of(secret),
        defaults={
            "user": user,
            "label": label,
            "scopes": sorted(scopes),
            "source": source,
            "created_at": now,
            "expires_at": expires_at,
        },
    )
    return secret


def find_token(*, secret: str, now: datetime) -> ApiToken | None:
    """Return the live token of a secret, its user loaded."""
    live = Q(expires_at=None) | Q(expires_at__gt=now)
    return (
        ApiToken.objects.select_related("user")
        .filter(live, digest=digest_of(secret), revoked_at=None, user__is_active=True)
        .first()
    )
