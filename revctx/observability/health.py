"""Is it alive, can it reach what it needs, are its workers working?"""

import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpRequest, JsonResponse
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from revctx.observability.heartbeats import list_alive
from revctx.observability.registry import HealthCheck, list_health_checks


def health(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


def detailed(request: HttpRequest) -> JsonResponse:
    """Ask every dependency and say how long each took, milliseconds; 503 when one fails."""
    checks: dict[str, HealthCheck] = {"database": _database, "redis": _redis} | list_health_checks()
    results = {name: _timed(check) for name, check in checks.items()}
    return _answer("checks", results, all(result["healthy"] for result in results.values()))


def workers(request: HttpRequest) -> JsonResponse:
    """Count the live workers of each queue; 503 when fewer than expected are alive."""
    try:
        alive = list_alive()
    except RedisError as error:
        reason = {"healthy": False, "reason": f"Redis does not answer: {type(error).__name__}"}
        return _answer("queues", {"redis": reason}, healthy=False)
    queues = {
        queue: {
            "expected": expected,
            "alive": len(alive.get(queue, [])),
            "workers": sorted(alive.get(queue, [])),
            "healthy": len(alive.get(queue, [])) >= expected,
        }
        for queue, expected in settings.EXPECTED_WORKERS.items()
    }
    return _answer("queues", queues, all(queue["healthy"] for queue in queues.values()))


def _answer(part: str, results: dict[str, dict[str, Any]], healthy: bool) -> JsonResponse:
    body = {
        "status": "ok" if healthy else "unavailable",
        "at": datetime.now(UTC).isoformat(),
        part: results,
    }
    response = JsonResponse(body, status=200 if healthy else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # a 503 is the answer here, not a fault
    return response


def _timed(check: HealthCheck) -> dict[str, Any]:
    started = time.perf_counter()
    reason = check()
    result: dict[str, Any] = {
        "healthy": reason is None,
        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
    }
    return result | ({"reason": reason} if reason else {})


def _database() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError as error:
        return f"PostgreSQL does not answer: {type(error).__name__}"
    return None


def _redis() -> str | None:
    try:
        get_redis_connection("default").ping()
    except RedisError as error:
        return f"Redis does not answer: {type(error).__name__}"
    return None
