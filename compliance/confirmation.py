"""The signed link by which a person confirms a consent; it names the statement, never the person."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

VALID_FOR = timedelta(days=7)
SOURCE = "confirmation_link"
_signer = TimestampSigner(salt="compliance.confirmation")


def make_token(revision_id: UUID) -> str:
    """Return the token of one pending statement; it is good for a week."""
    return _signer.sign(str(revision_id))


def make_url(revision_id: UUID) -> str:
    """Return the link to send to the person."""
    return f"{settings.PUBLIC_URL}/api/consent/confirm/{make_token(revision_id)}"


def read_token(token: str) -> UUID | None:
    """Return the statement that a token was made for, or None for one that is foreign or too old."""
    try:
        return UUID(_signer.unsign(token, max_age=VALID_FOR))
    except (BadSignature, ValueError):
        return None
