"""Salesforce's tokens: OAuth 2.0 client credentials of a connected app.

Source: Salesforce Help, "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration". The answer
names no lifetime, so a token is kept until it is refused.
"""

from functools import cache
from urllib.parse import urlsplit

from django.conf import settings

from integrations.calling import CallRefused
from integrations.grants import ask_for_token
from integrations.tokens import Token, TokenCache


def is_configured() -> bool:
    """Tell whether there is an organisation to call."""
    return bool(
        settings.SALESFORCE_LOGIN_URL and settings.SALESFORCE_CLIENT_ID and settings.SALESFORCE_CLIENT_SECRET
    )


@cache
def get_tokens() -> TokenCache:
    """Return the process's tokens."""
    return TokenCache(_ask)


def _ask(deadline: float) -> Token:
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.SALESFORCE_CLIENT_ID,
        "client_secret": settings.SALESFORCE_CLIENT_SECRET,
    }
    answer = ask_for_token(f"{settings.SALESFORCE_LOGIN_URL}/services/oauth2/token", form, deadline=deadline)
    try:
        instance_url, identity = str(answer["instance_url"]), str(answer["id"])
        return Token(
            value=str(answer["access_token"]),
            instance_url=_check_url(instance_url),
            organization_id=identity.rstrip("/").split("/")[-2],
        )
    except (KeyError, IndexError) as error:
        raise CallRefused("token_unreadable") from error


def _check_url(url: str) -> str:
    """Refuse to send a token over plain text to another machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise CallRefused("token_unreadable")
    return url.rstrip("/")
