"""When the door must close: the database's disk is nearly full. Kafka and Redis never close it.

A database that refuses needs no check: its error becomes 503 (see `errors.handle_500`).
"""

import os
import time
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connection

from revctx.api.errors import Unavailable

log = structlog.get_logger(__name__)

CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class _Look:
    reason: str
    until: float
    asked: tuple[str, int, int]


_last: _Look | None = None


def check_room() -> None:
    """Let a writer through unless the disk is nearly full; looks every five seconds.

    Raises:
        Unavailable: it is; nothing was stored.
    """
    global _last
    asked = (
        settings.DATABASE_DISK_PATH,
        settings.DATABASE_MIN_FREE_BYTES,
        settings.DATABASE_MAX_BYTES,
    )
    last = _last
    if last is None or time.monotonic() >= last.until or last.asked != asked:
        reason = find_shortage(path=asked[0], min_free_bytes=asked[1], max_bytes=asked[2])
        _last = last = _Look(reason, time.monotonic() + CHECK_SECONDS, asked)
        if reason:
            log.error("database.nearly_full", reason=reason)
    if last.reason:
        raise Unavailable("storage_nearly_full", "The database has no room for more; try again later.")


def find_shortage(*, path: str, min_free_bytes: int, max_bytes: int) -> str:
    """Return what is short, or an empty text.

    `path` lies on the database's disk, if this machine sees it; `max_bytes` is what the database may
    hold, for disks that it does not see. An empty path and 0 switch the checks off.
    """
    if path:
        disk = os.statvfs(path)
        if disk.f_bavail * disk.f_frsize < min_free_bytes:
            return "free bytes on the disk"
    if max_bytes:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            if cursor.fetchone()[0] > max_bytes:
                return "bytes that the database may hold"
    return ""
