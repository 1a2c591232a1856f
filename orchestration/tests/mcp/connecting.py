"""The SDK's own client, driven from plain tests, over a real process's standard input or over HTTP."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

ROOT = Path(__file__).resolve().parents[3]
SERVER = [str(ROOT / "manage.py"), "mcp_server"]


class Assistant:
    """A connected client."""

    def __init__(self, portal: Any, client: Client) -> None:
        self._portal, self._client = portal, client

    def list_tools(self) -> list[Any]:
        return self._portal.call(self._client.list_tools).tools

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return what a tool answered; a refusal as `{"refused": text}`."""
        result = self._portal.call(partial(self._client.call_tool, tool, arguments))
        return {"refused": result.content[0].text} if result.is_error else result.structured_content


@contextmanager
def connect(make_transport: Callable[[], AbstractContextManager[Any]]) -> Iterator[Assistant]:
    with start_blocking_portal() as portal:
        client = portal.call(_make_client, make_transport)
        with portal.wrap_async_context_manager(client):
            yield Assistant(portal, client)


async def _make_client(make_transport: Callable[[], Any]) -> Client:
    return Client(make_transport())


def over_stdio(secret: str) -> AbstractContextManager[Assistant]:
    """Start the server as a desktop client does, from another folder, and talk to it."""
    parameters = StdioServerParameters(
        command=sys.executable, args=SERVER, env={**os.environ, "REVCTX_MCP_TOKEN": secret}, cwd="/"
    )
    return connect(lambda: stdio_client(parameters, errlog=sys.__stderr__))


def over_http(url: str, secret: str) -> AbstractContextManager[Assistant]:
    return connect(lambda: _http_transport(url, secret))


@asynccontextmanager
async def _http_transport(url: str, secret: str) -> AsyncIterator[Any]:
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {secret}"}) as http_client,
        streamable_http_client(url, http_client=http_client) as streams,
    ):
        yield streams


@contextmanager
def serve_http(port: int) -> Iterator[str]:
    """Run the server over HTTP; yield its address."""
    command = [sys.executable, *SERVER, "--http", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/mcp"
    with subprocess.Popen(command, env={**os.environ}, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server does not answer")


def post(url: str, body: dict[str, Any], headers: dict[str, str]) -> int:
    """Send one message without the SDK; return the status."""
    types = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, json.dumps(body).encode(), {**types, **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
