"""Issue, find and revoke bearer tokens."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from revctx.api.models import ApiToken
from revctx.api.scopes import SCOPES
from revctx.observability.registry import record_audit

RECENT = timedelta(seconds=2)
MAX_RECENT = 10_000
_recent: dict[bytes, tuple[ApiToken, datetime]] = {}


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


def revoke_tokens(*, user: User, label: str, now: datetime) -> list[int]:
    """Revoke the live tokens of a person under a label; return their ids."""
    live = ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), user=user, label=label)
    ids = sorted(live.filter(revoked_at=None).values_list("pk", flat=True))
    ApiToken.objects.filter(pk__in=ids).update(revoked_at=now)
    return ids


@transaction.atomic
def revoke_by_ids(*, token_ids: Collection[int], actor: str, now: datetime) -> list[int]:
    """Revoke tokens that are not revoked yet, one audit row each; return their ids."""
    found = ApiToken.objects.select_for_update().filter(pk__in=token_ids, revoked_at=None).order_by("pk")
    owners = dict(found.values_list("pk", "user_id"))
    ApiToken.objects.filter(pk__in=owners).update(revoked_at=now)
    for token_id, user_id in owners.items():
        record_audit(
            name="api_token.revoked",
            actor=actor,
            target_type="api_token",
            target_id=str(token_id),
            at=now,
            payload={"user_id": user_id},
        )
    return list(owners)


def find_token(*, secret: str, now: datetime) -> ApiToken | None:
    """Return the live token of a secret, its user loaded."""
    return _read_token(digest_of(secret), now)


def find_recent_token(*, secret: str, now: datetime) -> ApiToken | None:
    """Return the live token of a secret as this process read it at most `RECENT` ago; to be read only.

    For doors that take many requests a second: a revoked token opens them for so much longer, an expired
    one does not. A token that is not known is looked up each time.
    """
    digest = digest_of(secret)
    token, read_at = _recent.get(digest, (None, now))
    if token is not None and timedelta(0) <= now - read_at < RECENT:
        return token if token.expires_at is None or token.expires_at > now else None
    token = _read_token(digest, now)
    if token is None:
        _recent.pop(digest, None)
        return None
    if len(_recent) >= MAX_RECENT:
        _recent.clear()
    _recent[digest] = (token, now)
    return token


def _read_token(digest: bytes, now: datetime) -> ApiToken | None:
    live = Q(expires_at=None) | Q(expires_at__gt=now)
    return (
        ApiToken.objects.select_related("user")
        .filter(live, digest=digest, revoked_at=None, user__is_active=True)
        .first()
    )
