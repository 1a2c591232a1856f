"""Calls to other people's APIs: total deadline, token, breaker, and retries only where they are safe."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import structlog
from django.utils import timezone

from integrations.exchange import Answer, exchange
from integrations.http import TooLarge, TooSlow
from integrations.llm.breaker import Breaker
from integrations.tokens import Token, TokenSource

ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.2
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

log = structlog.get_logger(__name__)


class CallFailed(Exception):
    """A call did not do what it should; carries a short code, never the provider's text."""

    def __init__(self, code: str) -> None:
        """Keep the code; the provider's text may quote a person."""
        super().__init__(code)
        self.code = code


class CallRefused(CallFailed):
    """Nothing was done, and that is certain."""


class CallUncertain(CallFailed):
    """No answer that can be relied on: it may or may not have been done."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to send; `is_repeatable` when doing it twice is the same as doing it once."""

    method: str
    path: str
    is_repeatable: bool
    document: Any = None
    parameters: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Failure:
    """An attempt that failed: `wait` in seconds as the provider asked, None where it said nothing."""

    error: CallFailed
    may_repeat: bool
    is_outage: bool = False
    wait: float | None = None


class Caller:
    """Sends requests to one provider."""

    def __init__(self, http: httpx2.Client, *, tokens: TokenSource, breaker: Breaker) -> None:
        """Keep the client, which the caller closes."""
        self._http, self._tokens, self._breaker = http, tokens, breaker

    def send(self, request: Request, *, deadline: float) -> Answer:
        """Send until it succeeds, may not be repeated, or `deadline` (of `time.monotonic`) is near.

        Repeated are: what never left; 429 with a Retry-After that there is time for; 401 once, with a
        new token; and, if the request is repeatable, time-outs, broken connections and 5xx. Once an
        attempt left doubt, no later refusal takes it away.

        Raises:
            CallRefused: nothing was done.
            CallUncertain: it may have been done.
        """
        if self._breaker.is_open():
            raise CallRefused("breaker_open")
        doubt: CallUncertain | None = None
        for attempt in range(1, ATTEMPTS + 1):
            outcome = self._attempt(request, deadline)
            if isinstance(outcome, Answer):
                self._breaker.record_success()
                return outcome
            failure = outcome
            doubt = failure.error if isinstance(failure.error, CallUncertain) else doubt
            wait = _waiting_time(attempt) if failure.wait is None else failure.wait
            if attempt == ATTEMPTS or not failure.may_repeat or time.monotonic() + wait >= deadline:
                break
            time.sleep(wait)
        if failure.is_outage:
            self._breaker.record_failure()
        raise doubt or failure.error

    def _attempt(self, request: Request, deadline: float) -> Answer | _Failure:
        """Send once, and once more with another token if the first is refused."""
        try:
            return self._with_token(request, deadline)
        except CallRefused as error:  # no token was to be had
            return _Failure(error, may_repeat=False, is_outage=True)

    def _with_token(self, request: Request, deadline: float) -> Answer | _Failure:
        token = self._tokens.get(deadline=deadline)
        outcome = self._once(request, token, deadline)
        if isinstance(outcome, Answer) and outcome.status == 401 and self._tokens.discard(token):
            outcome = self._once(request, self._tokens.get(deadline=deadline), deadline)
        return outcome if isinstance(outcome, _Failure) else _judge(outcome, request.is_repeatable)

    def _once(self, request: Request, token: Token, deadline: float) -> Answer | _Failure:
        headers = {"Authorization": f"Bearer {token.value}", **(request.headers or {})}
        url = token.instance_url + request.path if token.instance_url else request.path
        prepared = self._http.build_request(
            request.method, url, params=request.parameters, json=request.document, headers=headers
        )
        try:
            return exchange(self._http, prepared, deadline=deadline)
        except NEVER_SENT:
            return _Failure(CallRefused("unreachable"), may_repeat=True, is_outage=True)
        except (httpx2.TimeoutException, TooSlow):
            return _Failure(CallUncertain("timeout"), request.is_repeatable, is_outage=True)
        except TooLarge:
            return _Failure(CallUncertain("too_large"), may_repeat=False)
        except httpx2.HTTPError:
            return _Failure(CallUncertain("broken_connection"), request.is_repeatable, is_outage=True)


def _judge(answer: Answer, is_repeatable: bool) -> Answer | _Failure:
    code = f"status_{answer.status}"
    if 200 <= answer.status < 300:
        return answer
    if answer.status == 429:
        wait = read_retry_after(answer.headers.get("retry-after", ""))
        return _Failure(CallRefused(code), may_repeat=wait is not None, wait=wait)
    if answer.status >= 500:
        wait = read_retry_after(answer.headers.get("retry-after", ""))
        return _Failure(CallUncertain(code), is_repeatable, is_outage=True, wait=wait)
    return _Failure(CallRefused(code), may_repeat=False)


def read_retry_after(text: str) -> float | None:
    """Return seconds to wait, from seconds or an HTTP date; None when there is neither."""
    if text.isascii() and text.isdigit() and len(text) < 8:
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - timezone.now()).total_seconds())
    except (ValueError, TypeError):
        return None


def _waiting_time(attempt: int) -> float:
    """Return an exponential wait with full jitter, so that many callers don't come back at once."""
    wait: float = FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
    return wait * random.uniform(0.5, 1.5)  # noqa: S311 (spreads load, keeps no secret)
