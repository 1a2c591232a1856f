"""Hot copies of account evidence in Redis. A copy is named by the version it shows, so it is never wrong."""

from typing import Any

import structlog
from django.core.cache import cache
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from revctx.observability.metrics import CACHE_HITS, CACHE_MISSES

LIFETIME_SECONDS = 300

log = structlog.get_logger(__name__)


def find_copy(key: str) -> Any | None:
    """Return the copy under a key, or None; a Redis that does not answer is a miss."""
    try:
        found = cache.get(key)
    except (ConnectionInterrupted, RedisError, OSError) as error:
        log.warning("cache.unreachable", error=type(error).__name__)
        found = None
    (CACHE_MISSES if found is None else CACHE_HITS).inc()
    return found


def store_copy(key: str, value: Any) -> None:
    """Keep a copy for five minutes; without Redis nothing is kept."""
    try:
        cache.set(key, value, timeout=LIFETIME_SECONDS)
    except (ConnectionInterrupted, RedisError, OSError) as error:
        log.warning("cache.unreachable", error=type(error).__name__)
