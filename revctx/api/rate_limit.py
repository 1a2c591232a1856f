"""How many signals a token may write: a bucket a token, shared by all processes and doors.

The buckets live in Redis. A limit protects, it is no truth that may not be lost, and a row a token in
PostgreSQL would be one lock that all commits of a busy integration wait for. Without Redis nothing is
refused: taking signals in goes before limiting them, and the counter `rate_limit_unchecked_total` and a
warning tell it.

A process takes a small share of the bucket in advance, so that single posts don't ask Redis each.
"""

import math
import threading
import time
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django_redis import get_redis_connection
from redis import RedisError

from revctx.api.errors import TooManyRequests
from revctx.api.models import ApiToken
from revctx.observability.metrics import RATE_LIMIT_UNCHECKED, RATE_LIMITED

log = structlog.get_logger(__name__)

LARGEST_COST = 1_000  # a full batch; no bucket is smaller
SHARE_SECONDS = 0.05  # what a process takes in advance, as time of the full rate
SHARE_LIVES_SECONDS = 1.0
UNCHECKED_SECONDS = 5.0  # how long a Redis that did not answer is left alone

# Refill, then take as much as is there up to ARGV[4], if that is at least ARGV[3]. Redis keeps the time.
_TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local needed, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local idle = math.max(0, now - (tonumber(kept[2]) or now))
local level = math.min(burst, (tonumber(kept[1]) or burst) + rate * idle)
local taken = 0
if level >= needed then
  taken = math.min(math.floor(level), wanted)
  level = level - taken
end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * burst / rate) + 1000)
return {taken, tostring((needed - level) / rate)}
"""


@dataclass
class _Share:
    """What this process holds of a token's bucket."""

    left: int = 0
    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


_shares: dict[int, _Share] = {}
_unchecked_until = 0.0


def charge(token: ApiToken | None, signals: int) -> None:
    """Take `signals` (0 to 1,000) off the token's bucket; people who are signed in have none.

    Raises:
        TooManyRequests: the bucket holds less; says when to come again.
    """
    rate = settings.SIGNALS_PER_SECOND_PER_TOKEN
    if token is None or not rate or not signals:
        return
    share = _shares.setdefault(token.pk, _Share())
    with share.lock:
        now = time.monotonic()
        if share.left >= signals and now < share.until:
            share.left -= signals
            return
        if now < _unchecked_until:
            RATE_LIMIT_UNCHECKED.inc(signals)
            return
        _refill(share, token.pk, signals, rate)


def _refill(share: _Share, token_id: int, signals: int, rate: float) -> None:
    """Take what is needed and a share for what comes next."""
    global _unchecked_until
    burst = max(LARGEST_COST, rate * settings.SIGNAL_BURST_SECONDS)
    wanted = signals + math.floor(rate * SHARE_SECONDS)
    try:
        redis = get_redis_connection("default")
        answer = redis.eval(_TAKE, 1, f"revctx:rate:{token_id}", rate, burst, signals, wanted)
    except RedisError as error:
        _unchecked_until = time.monotonic() + UNCHECKED_SECONDS
        RATE_LIMIT_UNCHECKED.inc(signals)
        log.warning("rate_limit.unchecked", error=type(error).__name__, seconds=UNCHECKED_SECONDS)
        return
    taken, wait_seconds = int(answer[0]), float(answer[1])
    if taken < signals:
        RATE_LIMITED.inc(signals)
        raise TooManyRequests(
            "rate_limited",
            f"This token may write {rate:g} signals a second.",
            retry_after=max(1, math.ceil(wait_seconds)),
        )
    share.left, share.until = taken - signals, time.monotonic() + SHARE_LIVES_SECONDS
