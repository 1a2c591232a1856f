"""Opaque cursors: the position after which the next page starts."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from uuid import UUID

from rest_framework.request import Request

from revctx.api.errors import BadRequest

MAX_LIMIT = 500
MAX_DIGITS = 9
# What reading a text of somebody else's making may raise; deep nesting among it.
_MALFORMED = (ValueError, TypeError, AttributeError, RecursionError)


def encode(*parts: float | str) -> str:
    """Return the parts as one opaque text."""
    return urlsafe_b64encode(json.dumps(parts).encode()).decode()


def decode_priority(text: str) -> tuple[float, UUID, datetime | None]:
    """Return priority, id and time of knowledge of a list's cursor. Raises: BadRequest."""
    try:
        priority, account_id, known_at = json.loads(urlsafe_b64decode(text.encode()))
        return float(priority), UUID(account_id), _instant(known_at) if known_at else None
    except _MALFORMED as error:
        raise BadRequest("invalid_cursor", "The cursor is not one of this list's.") from error


def decode_time(text: str) -> tuple[datetime, UUID]:
    """Return time and id of a timeline's cursor. Raises: BadRequest."""
    try:
        at, entry_id = json.loads(urlsafe_b64decode(text.encode()))
        return _instant(at), UUID(entry_id)
    except _MALFORMED as error:
        raise BadRequest("invalid_cursor", "The cursor is not one of this list's.") from error


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return moment


def read_limit(request: Request, *, default: int = 50) -> int:
    """Return the page size that the query asks for, 1…500. Raises: BadRequest."""
    limit = read_number(request.query_params.get("limit", str(default)))
    if limit is None or not 1 <= limit <= MAX_LIMIT:
        raise BadRequest("invalid_limit", f"limit must be a number from 1 to {MAX_LIMIT}.")
    return limit


def read_number(text: str) -> int | None:
    """Return a whole number of at most nine digits, or None for every other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def next_url(request: Request, cursor: str) -> str:
    """Return the address of the next page: the same query with another cursor."""
    query = request.query_params.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
