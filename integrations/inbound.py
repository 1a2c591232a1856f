"""The inbound log: what arrived at which door and what became of it. No payload, nothing personal."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.response import Response

from revctx.observability.context import get_request_id

log = structlog.get_logger(__name__)
View = TypeVar("View", bound=Callable[..., HttpResponseBase])
REASON_LENGTH = 200

# One statement in a transaction of its own. The log may lose its last rows in a crash, so it does not wait
# for the disk; `is_local` ends the setting with the statement's transaction.
_WRITE = """
    WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO integration_inbound AS seen
        (source, first_at, last_at, status, reason, requests, accepted, duplicates, conflicts, quarantined,
         noted, request_id)
    SELECT %s, CASE WHEN %s >= 400 THEN date_trunc('minute', %s::timestamptz) ELSE %s::timestamptz END, %s,
        %s, %s, 1, %s, %s, %s, %s, %s, %s FROM quick
    ON CONFLICT (source, status, reason, first_at) WHERE status >= 400 DO UPDATE SET
        requests = seen.requests + 1,
        last_at = GREATEST(seen.last_at, excluded.last_at),
        request_id = excluded.request_id
"""


@dataclass(frozen=True)
class Arrival:
    """How a webhook request ended.

    Args:
        status: of the HTTP answer.
        reason: codes of the refusal or of the quarantine.
        counts: events by `accepted`, `duplicate`, `conflict`, `quarantined` and `noted`.
    """

    status: int
    reason: str = ""
    counts: Counter[str] = field(default_factory=Counter)


def logged(view: View, *, source: str) -> View:
    """Return a webhook's view that writes one line into the inbound log after each request.

    A view that serves several sources names the one it found by setting `request.inbound_source`, and one
    that refuses without saying why tells the log in `request.inbound_reason`, which must come from a fixed
    list. A log that can't be written never fails a webhook.
    """

    @wraps(view)
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        arrival = Arrival(500, "internal_error")
        try:
            response = view(request, *args, **kwargs)
            arrival = read_arrival(response, reason=getattr(request, "inbound_reason", ""))
        finally:
            _write(getattr(request, "inbound_source", source), arrival, timezone.now())
        return response

    return door  # type: ignore[return-value]


def read_arrival(response: HttpResponseBase, *, reason: str = "") -> Arrival:
    """Return what an answer says of its request: a receipt's counts, or `reason`, or the error's code."""
    data = response.data if isinstance(response, Response) and isinstance(response.data, dict) else {}
    if error := data.get("error"):
        return Arrival(response.status_code, reason or str(error.get("code", "")))
    waiting = data.get("quarantined", [])
    counts = Counter(str(item["status"]) for item in data.get("signals", []))
    counts |= Counter({"quarantined": len(waiting), "noted": int(data.get("noted", 0))})
    reasons = ", ".join(sorted({str(item["reason"]) for item in waiting}))
    return Arrival(response.status_code, reasons[:REASON_LENGTH], counts)


def _write(source: str, arrival: Arrival, now: datetime) -> None:
    names = ("accepted", "duplicate", "conflict", "quarantined", "noted")
    counts = [arrival.counts[name] for name in names]
    line: list[Any] = [source, arrival.status, now, now, now, arrival.status, arrival.reason, *counts]
    try:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [*line, get_request_id()])
    except DatabaseError as error:
        log.warning("inbound.not_written", source=source, error=type(error).__name__)
