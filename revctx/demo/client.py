"""A caller of the running product, with two users for four eyes."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

WAIT_SECONDS = 60
STEP_SECONDS = 0.05

Found = TypeVar("Found")


class DemoFailed(Exception):
    """A success criterion of the product was not met; the message says which."""


@dataclass(frozen=True)
class Answer:
    """Status and JSON of an answer."""

    status: int
    body: Any


class Caller:
    """Calls the API as one user, every request under the same request id."""

    def __init__(self, *, base_url: str, token: str, request_id: str) -> None:
        """Open a connection pool.

        Args:
            base_url: such as `http://127.0.0.1:8000`.
            token: bearer token, may be empty.
            request_id: sent with every request.
        """
        headers = {"X-Request-ID": request_id}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx2.Client(base_url=base_url, headers=headers, timeout=20)

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON of an answer.

        Raises:
            DemoFailed: it is not 200.
        """
        response = self._client.get(path, params=query)
        if response.status_code != 200:
            raise DemoFailed(f"GET {path} answered {response.status_code}: {response.text[:300]}")
        return response.json()

    def find(self, path: str, **query: str) -> Any | None:
        """Return the JSON of an answer, or None while the thing does not exist."""
        response = self._client.get(path, params=query)
        return response.json() if response.status_code == 200 else None

    def post(self, path: str, body: dict[str, Any], *, expect: int) -> Answer:
        """Send a body.

        Raises:
            DemoFailed: the status is not the expected one.
        """
        response = self._client.post(path, json=body)
        if response.status_code != expect:
            raise DemoFailed(f"POST {path} answered {response.status_code}: {response.text[:300]}")
        return Answer(response.status_code, response.json())


def wait_for(
    what: str, look: Callable[[], Found | None], *, seconds: float = WAIT_SECONDS, pause: float = STEP_SECONDS
) -> Found:
    """Look again and again, `pause` seconds apart, until something is found.

    Raises:
        DemoFailed: it was not found in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(pause)
    raise DemoFailed(f"{what}: not seen within {seconds:.0f} s")


def require(variable: str) -> str:
    """Return a variable that `make run` writes.

    Raises:
        DemoFailed: it is missing.
    """
    value = os.environ.get(variable, "")
    if not value:
        raise DemoFailed(f"{variable} is not set. Start the product with `make run` first.")
    return value
