"""Access tokens: where a call's `Authorization` comes from, kept in the process until refused or too old."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

EARLY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Token:
    """An access token; `expires_at` of `time.monotonic`, None when the vendor doesn't say."""

    value: str = field(repr=False)
    expires_at: float | None = None
    instance_url: str = ""
    organization_id: str = ""


class TokenSource(Protocol):
    """Gives tokens and takes back those that were refused."""

    def get(self, *, deadline: float) -> Token:
        """Return a token to try.

        Raises:
            CallRefused: none can be had.
        """

    def discard(self, token: Token) -> bool:
        """Forget a token that was refused; return whether `get` may give another."""


@dataclass(frozen=True)
class FixedToken:
    """A key that never changes."""

    value: str = field(repr=False)

    def get(self, *, deadline: float) -> Token:
        """Return the key."""
        return Token(value=self.value)

    def discard(self, token: Token) -> bool:
        """Say that there is no other."""
        return False


class TokenCache:
    """Asks once for all threads of the process and keeps the answer."""

    def __init__(self, ask: Callable[[float], Token]) -> None:
        """Keep how to ask: a function of the deadline."""
        self._ask, self._lock = ask, threading.Lock()
        self._token: Token | None = None

    def get(self, *, deadline: float) -> Token:
        """Return the kept token or ask for one."""
        with self._lock:
            if self._token is None or _is_old(self._token):
                self._token = self._ask(deadline)
            return self._token

    def discard(self, token: Token) -> bool:
        """Forget a token, unless another thread has a newer one already."""
        with self._lock:
            if self._token is not None and self._token.value == token.value:
                self._token = None
        return True


def _is_old(token: Token) -> bool:
    return token.expires_at is not None and time.monotonic() > token.expires_at - EARLY_SECONDS
