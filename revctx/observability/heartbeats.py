"""Heartbeats of the workers, kept in Redis: each lives six seconds and is renewed every two."""

import threading

import structlog
from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError

PREFIX = "revctx:worker"
LIFETIME_SECONDS = 6
INTERVAL_SECONDS = 2

log = structlog.get_logger(__name__)


def beat_once(*, queue: str, worker: str) -> None:
    """Say that a worker of a queue is alive."""
    get_redis_connection("default").set(f"{PREFIX}:{queue}:{worker}", "1", ex=LIFETIME_SECONDS)


def list_alive() -> dict[str, list[str]]:
    """Return the live workers by queue.

    Raises:
        RedisError: Redis does not answer.
    """
    alive: dict[str, list[str]] = {}
    for key in get_redis_connection("default").scan_iter(match=f"{PREFIX}:*", count=1000):
        queue, worker = key.decode().removeprefix(f"{PREFIX}:").split(":", 1)
        alive.setdefault(queue, []).append(worker)
    return alive


def count_alive() -> int:
    """Count the live workers of the event groups; 0 while Redis is away, for nobody can be seen."""
    try:
        alive = list_alive()
    except RedisError:
        return 0
    return sum(len(alive.get(queue, [])) for queue in settings.EVENT_GROUPS)


class Heartbeat(threading.Thread):
    """Beats for one worker until it is stopped; a Redis that is away is waited for."""

    def __init__(self, *, queue: str, worker: str) -> None:
        """Name the worker; `start()` begins."""
        super().__init__(name=f"heartbeat-{worker}", daemon=True)
        self._queue, self._worker, self._stop_event = queue, worker, threading.Event()

    def run(self) -> None:
        """Beat every two seconds."""
        while True:
            try:
                beat_once(queue=self._queue, worker=self._worker)
            except RedisError as error:
                log.warning("heartbeat.missed", worker=self._worker, error=type(error).__name__)
            if self._stop_event.wait(INTERVAL_SECONDS):
                return

    def stop(self) -> None:
        """End after the present beat."""
        self._stop_event.set()
