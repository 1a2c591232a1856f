"""The signed link by which a reader stops letters; it names the action, never the person."""

from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

_signer = Signer(salt="orchestration.unsubscribe")


def make_url(action_id: UUID) -> str:
    """Return the link for one letter."""
    return f"{settings.PUBLIC_URL}/api/unsubscribe/{_signer.sign(str(action_id))}"


def read_token(token: str) -> UUID | None:
    """Return the action that a token was made for, or None for a token of nobody's."""
    try:
        return UUID(_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
