"""One HTTP exchange that is over by its deadline, whatever the other side does."""

import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

from integrations.http import MAX_ANSWER_BYTES, TooSlow, read_within


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the document.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


def exchange(
    http: httpx2.Client, request: httpx2.Request, *, deadline: float, max_bytes: int = MAX_ANSWER_BYTES
) -> Answer:
    """Send a request on a connection of its own and read the whole answer before `deadline`.

    httpx's time-outs count from one byte to the next, so a server that drips could hold us for ever; here
    the connection is cut when `deadline` (of `time.monotonic`) passes, also within the headers. Only the
    look-up of the host's name is outside of it.

    Raises:
        TooSlow: the deadline passed.
        TooLarge: the answer has more than `max_bytes`.
        httpx2.HTTPError: as httpx raises it.
    """
    request.headers["Connection"] = "close"
    with _Cutter(deadline) as cutter:
        request.extensions["trace"] = cutter.watch
        try:
            response = http.send(request, stream=True)
            try:
                body = read_within(response, deadline=deadline, max_bytes=max_bytes)
            finally:
                response.close()
        except httpx2.HTTPError as error:
            if cutter.has_cut:
                raise TooSlow("The answer was not complete in time.") from error
            raise
    return Answer(status=response.status_code, headers=dict(response.headers), body=body)


class _Cutter:
    """Ends a connection when its time is up; holds a descriptor of its own, so it never hits another's."""

    def __init__(self, deadline: float) -> None:
        """Set the clock; it starts on entering."""
        self._remaining = deadline - time.monotonic()
        self._twin: socket.socket | None = None
        self._timer = threading.Timer(max(self._remaining, 0), self._cut)
        self._timer.daemon = True
        self.has_cut = False

    def __enter__(self) -> Self:
        """Start the clock.

        Raises:
            TooSlow: there is no time left.
        """
        if self._remaining <= 0:
            raise TooSlow("There is no time left for a call.")
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the clock."""
        self._timer.cancel()
        self._timer.join()
        if self._twin is not None:
            self._twin.close()

    def watch(self, name: str, info: Mapping[str, Any]) -> None:
        """Note the connection as soon as it stands, before any TLS."""
        if name == "connection.connect_tcp.complete":
            ours: socket.socket = info["return_value"].get_extra_info("socket")
            self._twin = socket.socket(fileno=os.dup(ours.fileno()))
            if self.has_cut:
                self._cut()

    def _cut(self) -> None:
        self.has_cut = True
        if self._twin is not None:
            try:
                self._twin.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # the other side was quicker
