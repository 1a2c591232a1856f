"""Outreach's tokens: OAuth 2.0 refresh tokens, where each use gives the next one.

Source: developers.outreach.io, "Getting started", "OAuth": an access token lives for two hours, a refresh
token for fourteen days. The next refresh token is kept encrypted in the database, for every process needs
it; the one of the settings only begins the chain.
"""

import time
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils import timezone

from integrations.calling import CallRefused
from integrations.grants import ask_for_token
from integrations.outreach.models import OAuthGrant
from integrations.tokens import FixedToken, Token, TokenCache, TokenSource

PROVIDER = "outreach"
NONCE_BYTES = 12
# Another process that used up our refresh token keeps the next one a moment later.
RACE_WAITS = (0.0, 0.2, 0.5)


def get_tokens() -> TokenSource:
    """Return the process's tokens, or the fixed key where no OAuth app is set up."""
    return _get_cache() if settings.OUTREACH_CLIENT_ID else FixedToken(settings.OUTREACH_API_KEY)


@cache
def _get_cache() -> TokenCache:
    return TokenCache(_ask)


def _ask(deadline: float) -> Token:
    tried: list[str] = []
    for wait in RACE_WAITS:
        time.sleep(wait)
        for refresh_token in (_load(), settings.OUTREACH_REFRESH_TOKEN):
            if refresh_token and refresh_token not in tried:
                tried.append(refresh_token)
                token = _use(refresh_token, deadline)
                if token is not None:
                    return token
    raise CallRefused("token_invalid_grant")


def _use(refresh_token: str, deadline: float) -> Token | None:
    """Return an access token, or None when the refresh token is used up."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": settings.OUTREACH_CLIENT_ID,
        "client_secret": settings.OUTREACH_CLIENT_SECRET,
        "redirect_uri": settings.OUTREACH_REDIRECT_URI,
    }
    asked_at = time.monotonic()
    try:
        answer = ask_for_token(f"{settings.OUTREACH_OAUTH_URL}/token", form, deadline=deadline)
        token = Token(value=str(answer["access_token"]), expires_at=asked_at + float(answer["expires_in"]))
    except CallRefused as error:
        if error.code == "token_invalid_grant":
            return None
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise CallRefused("token_unreadable") from error
    _keep(str(answer.get("refresh_token") or refresh_token))
    return token


def _load() -> str:
    grant = OAuthGrant.objects.filter(provider=PROVIDER).first()
    if grant is None:
        return ""
    sealed = bytes(grant.ciphertext)
    for key in (settings.SUBJECT_KEK, *settings.SUBJECT_KEK_PREVIOUS):
        try:
            box = _make_box(key)
            return box.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], PROVIDER.encode()).decode()
        except InvalidTag:
            continue
    return ""


def _keep(refresh_token: str) -> None:
    nonce = AESGCM.generate_key(128)[:NONCE_BYTES]
    sealed = _make_box(settings.SUBJECT_KEK).encrypt(nonce, refresh_token.encode(), PROVIDER.encode())
    OAuthGrant.objects.update_or_create(
        provider=PROVIDER, defaults={"ciphertext": nonce + sealed, "updated_at": timezone.now()}
    )


def _make_box(key: bytes) -> AESGCM:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"revctx refresh tokens").derive(key)
    return AESGCM(derived)
