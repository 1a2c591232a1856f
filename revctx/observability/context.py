"""The request id of the work at hand, carried from the first request to the last audit row."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

import structlog

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def get_request_id() -> str:
    """Return the id bound to the work at hand, or an empty string outside of any."""
    return _request_id.get()


def accept_request_id(candidate: str | None) -> str:
    """Return a caller's id if it is well formed (1–128 of letters, digits, `._-`), else a new one."""
    return candidate if candidate and _ACCEPTED.fullmatch(candidate) else uuid4().hex


@contextmanager
def bind_request_id(request_id: str) -> Iterator[None]:
    """Carry `request_id` through logs, events and audit rows of the enclosed block."""
    token = _request_id.set(request_id)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            yield
        finally:
            _request_id.reset(token)
