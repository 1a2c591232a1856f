"""A real sandbox server for every test here, and settings that point at it."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from integrations.sandbox.server import SandboxServer, make_server
from orchestration.tests.stories import make_user


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    server = make_server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def sandbox(sandbox_server: SandboxServer, settings: Any) -> SandboxServer:
    """Return the sandbox, empty, with the connectors pointed at it."""
    sandbox_server.store.reset()
    base = f"http://127.0.0.1:{sandbox_server.server_address[1]}"
    settings.OUTREACH_BASE_URL = f"{base}/api/v2"
    settings.OUTREACH_API_KEY = "sandbox"
    settings.ENRICHMENT_BASE_URL = f"{base}/v2"
    settings.ENRICHMENT_API_KEY = ""
    settings.OPENAI_API_KEY = ""
    settings.APPROVAL_HOLD_SECONDS = 30
    return sandbox_server


@pytest.fixture
def approver(db: None) -> User:
    return make_user("approver")


@pytest.fixture
def editor(db: None) -> User:
    return make_user("editor")
