"""The only way out: every outbound HTTP call of the product is made by a client built here."""

import ssl
import time
from collections.abc import Mapping
from functools import cache

import httpx2
from django.conf import settings

USER_AGENT = "revctx/0.1"
MAX_ANSWER_BYTES = 1_000_000


class EgressRefused(RuntimeError):
    """This process may not call anybody: it runs in laboratory mode."""


class TooSlow(Exception):
    """The answer was not complete when the deadline passed."""


class TooLarge(Exception):
    """The answer is larger than anything that we asked for."""


def create_client(
    *,
    base_url: str = "",
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = 10.0,
    connect_seconds: float = 3.0,
) -> httpx2.Client:
    """Build a client with time-outs, without redirects and without the proxies of the environment.

    Raises:
        EgressRefused: in laboratory mode.
    """
    if settings.EXECUTION_MODE == "laboratory":
        raise EgressRefused("Laboratory mode makes no external calls.")
    return httpx2.Client(
        base_url=base_url,
        headers={"User-Agent": USER_AGENT, **(headers or {})},
        timeout=httpx2.Timeout(timeout_seconds, connect=connect_seconds),
        follow_redirects=False,
        trust_env=False,
        verify=_trusted(),
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return the system's certificates, read once: reading them costs more than most calls."""
    return httpx2.create_ssl_context(trust_env=False)


def read_within(response: httpx2.Response, *, deadline: float, max_bytes: int = MAX_ANSWER_BYTES) -> bytes:
    """Read a streamed answer until `deadline` (of `time.monotonic`), so that a dripping one can't hold us.

    Raises:
        TooSlow: the deadline passed.
        TooLarge: over `max_bytes`.
    """
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > max_bytes:
            raise TooLarge(f"The answer has more than {max_bytes} bytes.")
        if time.monotonic() > deadline:
            raise TooSlow("The answer was not complete in time.")
    return bytes(body)
