"""Hot copies of account evidence in Redis: random ids and numbers, one copy an account.

A copy names the version of the score that it rests on, and is read for exactly that version: whoever stores
an old one late is a miss for the next reader, never a wrong answer. Redis may be empty, stopped, silent or
garbled; one that did not answer is not asked again for `AWAY_SECONDS`, so that few readers wait for it.
"""

import json
import time
import zlib
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import structlog
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from contexts.scoring import Bucket
from revctx.observability.metrics import CACHE_HITS, CACHE_MISSES

LIFETIME_SECONDS = 300
AWAY_SECONDS = 5.0
FORM = 2  # of what is written here; copies of another form are misses

# Activation of the configuration, version of the account's score.
Version = tuple[int, int]
Evidence = tuple[list[Bucket], Mapping[tuple[str, str], tuple[list[UUID], int]]]

log = structlog.get_logger(__name__)


_away_until = 0.0


def find_copy(account_id: UUID, *, version: Version) -> Evidence | None:
    """Return the evidence of exactly this version, or None; a Redis that does not answer is a miss."""
    evidence = None
    try:
        found = None if _is_away() else get_redis_connection("default").get(_key(account_id))
        evidence = _read(found, version) if found is not None else None
    except RedisError as error:
        _leave_alone(error)
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        log.warning("cache.unreadable", error=type(error).__name__)
    (CACHE_MISSES if evidence is None else CACHE_HITS).inc()
    return evidence


def store_copy(account_id: UUID, *, version: Version, evidence: Evidence) -> None:
    """Keep a copy for five minutes; without Redis nothing is kept."""
    if _is_away():
        return
    try:
        get_redis_connection("default").set(_key(account_id), _print(version, evidence), ex=LIFETIME_SECONDS)
    except RedisError as error:
        _leave_alone(error)


def _is_away() -> bool:
    return time.monotonic() < _away_until


def _leave_alone(error: RedisError) -> None:
    global _away_until
    _away_until = time.monotonic() + AWAY_SECONDS
    log.warning("cache.unreachable", error=type(error).__name__, seconds=AWAY_SECONDS)


def forget_copies(account_ids: Collection[UUID]) -> None:
    """Delete the copies of accounts, after the commit that made them wrong; without Redis they run out."""
    if not account_ids:
        return
    try:
        get_redis_connection("default").delete(*map(_key, account_ids))
    except RedisError as error:
        log.warning("cache.unreachable", error=type(error).__name__)


def _key(account_id: UUID) -> str:
    return f"contexts:evidence:{account_id}"


def _print(version: Version, evidence: Evidence) -> bytes:
    buckets, signals = evidence
    content: dict[str, Any] = {
        "form": FORM,
        "version": version,
        "buckets": buckets,
        "signals": [
            [kind, person, [str(signal_id) for signal_id in ids], count]
            for (kind, person), (ids, count) in signals.items()
        ],
    }
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 1)


def _read(raw: bytes, version: Version) -> Evidence | None:
    content = json.loads(zlib.decompress(raw))
    if content["form"] != FORM or content["version"] != list(version):
        return None
    signals = {
        (kind, person): ([UUID(signal_id) for signal_id in ids], count)
        for kind, person, ids, count in content["signals"]
    }
    return [Bucket(*row) for row in content["buckets"]], signals
