"""A circuit breaker shared by all processes through Redis."""

from dataclasses import dataclass

import structlog
from django_redis import get_redis_connection
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """Opens for `open_seconds` after `failures` failures within `window_seconds`.

    Redis only saves time here: when it is down the breaker counts as closed.
    """

    name: str
    failures: int = 5
    window_seconds: int = 60
    open_seconds: int = 30

    def is_open(self) -> bool:
        """Tell whether calls should be spared for now."""
        try:
            return bool(get_redis_connection("default").exists(self._open_key))
        except RedisError:
            log.warning("breaker.unreachable", breaker=self.name)
            return False

    def record_failure(self) -> None:
        """Count a failure and open when there were too many."""
        try:
            redis = get_redis_connection("default")
            pipeline = redis.pipeline()
            pipeline.set(self._count_key, 0, ex=self.window_seconds, nx=True)
            pipeline.incr(self._count_key)
            count = pipeline.execute()[1]
            if count >= self.failures:
                redis.set(self._open_key, 1, ex=self.open_seconds)
                redis.delete(self._count_key)
                log.warning("breaker.opened", breaker=self.name, seconds=self.open_seconds)
        except RedisError:
            log.warning("breaker.unreachable", breaker=self.name)

    def record_success(self) -> None:
        """Forget the failures."""
        try:
            get_redis_connection("default").delete(self._count_key)
        except RedisError:
            log.warning("breaker.unreachable", breaker=self.name)

    @property
    def _count_key(self) -> str:
        return f"breaker:{self.name}:failures"

    @property
    def _open_key(self) -> str:
        return f"breaker:{self.name}:open"
