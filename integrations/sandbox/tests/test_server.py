"""The sandbox as its own process and its vendors' manners."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest


def call(base: str, path: str, body: Any = None, *, method: str = "", **headers: str) -> tuple[int, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = Request(f"{base}{path}", data=data, method=method or ("POST" if data else "GET"))
    for name, value in {"Authorization": "Bearer key", **headers}.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urlopen(request, timeout=5) as response:
            return response.status, json.loads(response.read())
    except HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def mailing(subject: str = "Hello") -> dict[str, Any]:
    return {"data": {"type": "mailing", "attributes": {"subject": subject, "clientReference": "k1"}}}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "integrations.sandbox", "--port", str(port)])
    base = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            if call(base, "/sandbox/health")[0] == 200:
                break
        except URLError:
            time.sleep(0.1)
    yield base
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0


@pytest.fixture(autouse=True)
def _empty(base: str) -> None:
    call(base, "/sandbox/reset", {})


class TestOutreach:
    def test_a_key_creates_once(self, base: str) -> None:
        first = call(base, "/api/v2/mailings", mailing(), Idempotency_Key="k1")
        again = call(base, "/api/v2/mailings", mailing(), Idempotency_Key="k1")
        other = call(base, "/api/v2/mailings", mailing("Bye"), Idempotency_Key="k1")

        assert (first[0], again[0], other[0]) == (201, 200, 409)
        assert first[1] == again[1]
        assert call(base, "/sandbox/sent")[1]["counts"]["mailings"] == 1

    def test_it_can_be_asked_by_reference(self, base: str) -> None:
        call(base, "/api/v2/mailings", mailing(), Idempotency_Key="k1")

        found = call(base, "/api/v2/mailings?filter%5BclientReference%5D=k1")[1]["data"]
        missing = call(base, "/api/v2/mailings?filter%5BclientReference%5D=k2")[1]["data"]

        assert (len(found), missing) == (1, [])

    @pytest.mark.parametrize("body", [{}, {"data": []}, {"data": {"type": "task", "attributes": {}}}, "x"])
    def test_a_malformed_document_is_422(self, base: str, body: Any) -> None:
        assert call(base, "/api/v2/mailings", body)[0] == 422

    def test_without_a_key_nothing_is_answered(self, base: str) -> None:
        assert call(base, "/api/v2/mailings", mailing(), Authorization="none")[0] == 401


class TestClearbit:
    def test_a_domain_always_gets_the_same_company(self, base: str) -> None:
        first = call(base, "/v2/companies/find?domain=acme.example")

        assert first[0] == 200
        assert first[1]["metrics"]["employees"] > 0
        assert call(base, "/v2/companies/find?domain=acme.example") == first
        assert call(base, "/v2/companies/find?domain=unknown.example")[0] == 404


class TestFaults:
    def test_a_planned_fault_is_met_as_often_as_planned(self, base: str) -> None:
        call(base, "/sandbox/faults", {"kind": "status", "path": "/mailings", "status": 429, "times": 2})

        statuses = [call(base, "/api/v2/mailings", mailing())[0] for _ in range(3)]

        assert statuses == [429, 429, 201]

    def test_a_request_may_carry_its_own(self, base: str) -> None:
        assert call(base, "/api/v2/mailings", mailing(), X_Sandbox_Fault="status:503")[0] == 503
        with pytest.raises((URLError, ConnectionError)):
            call(base, "/api/v2/mailings", mailing(), X_Sandbox_Fault="lost_answer")
        assert call(base, "/sandbox/sent")[1]["counts"]["mailings"] == 1

    def test_an_unknown_fault_is_refused(self, base: str) -> None:
        assert call(base, "/sandbox/faults", {"kind": "earthquake"})[0] == 422
        assert call(base, "/sandbox/faults", {"kind": "status", "colour": "red"})[0] == 422
