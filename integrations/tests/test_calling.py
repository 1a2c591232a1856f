"""Calls to a provider that misbehaves in every way we could think of."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
from werkzeug import Response

from integrations.calling import Caller, CallRefused, CallUncertain, Request, read_retry_after
from integrations.http import create_client
from integrations.llm.breaker import Breaker
from integrations.tokens import FixedToken, Token, TokenCache

READ = Request(method="GET", path="/thing", is_repeatable=True)
WRITE = Request(method="POST", path="/thing", is_repeatable=False, document={"a": 1})
BREAKER = Breaker(name="of-this-test", failures=3, open_seconds=1)
OK = Response("{}")


def answers(httpserver, *responses):
    for response in responses:
        httpserver.expect_ordered_request("/thing").respond_with_response(response)


def send(base_url, request=READ, *, seconds=5.0, tokens=None, timeout_seconds=5.0):
    with create_client(base_url=base_url, timeout_seconds=timeout_seconds) as http:
        caller = Caller(http, tokens=tokens or FixedToken("key"), breaker=BREAKER)
        return caller.send(request, deadline=time.monotonic() + seconds)


@contextmanager
def tcp_server(behave):
    """Serve one connection after another with `behave(connection)`; count them."""
    counts = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                counts.append(1)
                threading.Thread(target=run, args=(connection,), daemon=True).start()

        def run(connection):
            with connection:
                connection.recv(65536)
                try:
                    behave(connection)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", counts
        listener.shutdown(socket.SHUT_RDWR)


def drip(start, piece):
    def behave(connection):
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(0.05)

    return behave


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


class TestRepeating:
    @pytest.mark.parametrize("bad", [Response(status=500), Response(status=503), Response(status=504)])
    def test_a_repeatable_call_is_tried_again(self, httpserver, bad):
        answers(httpserver, bad, bad, OK)

        assert send(httpserver.url_for("")).status == 200

    def test_another_is_not(self, httpserver):
        answers(httpserver, Response(status=503), OK)

        with pytest.raises(CallUncertain, match="status_503"):
            send(httpserver.url_for(""), WRITE)
        assert len(httpserver.log) == 1

    @pytest.mark.parametrize("request_", [READ, WRITE])
    def test_what_was_turned_away_is_tried_when_asked_to(self, httpserver, request_):
        answers(httpserver, Response(status=429, headers={"Retry-After": "1"}), OK)
        began = time.monotonic()

        assert send(httpserver.url_for(""), request_).status == 200
        assert time.monotonic() - began >= 1

    @pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {}, {"Retry-After": "soon"}])
    def test_nobody_waits_longer_than_there_is_time(self, httpserver, headers):
        answers(httpserver, Response(status=429, headers=headers), OK)

        with pytest.raises(CallRefused, match="status_429"):
            send(httpserver.url_for(""))
        assert len(httpserver.log) == 1

    def test_a_doubt_is_not_taken_away_by_a_later_refusal(self, httpserver):
        answers(httpserver, Response(status=500), Response(status=403))

        with pytest.raises(CallUncertain, match="status_500"):
            send(httpserver.url_for(""))

    def test_what_never_left_is_certain_not_to_have_been_done(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"

        with pytest.raises(CallRefused, match="unreachable"):
            send(url, WRITE)

    def test_a_reset_leaves_doubt(self):
        with tcp_server(reset) as (url, counts):
            with pytest.raises(CallUncertain, match="broken_connection"):
                send(url, WRITE)
            assert len(counts) == 1
            with pytest.raises(CallUncertain, match="broken_connection"):
                send(url, READ)
            assert len(counts) == 4


class TestDeadline:
    @pytest.mark.parametrize(
        "behave",
        [
            drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
            drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
            drip(b"", b""),
        ],
        ids=["body", "header", "silence"],
    )
    @pytest.mark.parametrize("request_", [READ, WRITE])
    def test_it_holds_whatever_drips(self, behave, request_):
        began = time.monotonic()
        with tcp_server(behave) as (url, _), pytest.raises(CallUncertain, match="timeout"):
            send(url, request_, seconds=0.6)

        assert time.monotonic() - began < 1.5

    def test_it_can_have_passed_before(self, httpserver):
        with pytest.raises(CallUncertain, match="timeout"):
            send(httpserver.url_for(""), seconds=-1)
        assert httpserver.log == []


class TestToken:
    def test_a_refused_token_is_renewed_once(self, httpserver):
        values = iter(["old", "new"])
        tokens = TokenCache(lambda deadline: Token(value=next(values)))
        fits = httpserver.expect_request("/thing", headers={"Authorization": "Bearer new"})
        fits.respond_with_json({})
        httpserver.expect_request("/thing").respond_with_response(Response(status=401))

        assert send(httpserver.url_for(""), WRITE, tokens=tokens).status == 200
        assert send(httpserver.url_for(""), WRITE, tokens=tokens).status == 200
        assert len(httpserver.log) == 3

    def test_a_second_refusal_is_one(self, httpserver):
        asked = []
        tokens = TokenCache(lambda deadline: asked.append(1) or Token(value=f"t{len(asked)}"))
        httpserver.expect_request("/thing").respond_with_response(Response(status=401))

        with pytest.raises(CallRefused, match="status_401"):
            send(httpserver.url_for(""), WRITE, tokens=tokens)
        assert (len(asked), len(httpserver.log)) == (2, 2)

    def test_one_that_is_about_to_end_is_renewed_before(self):
        ends = iter([time.monotonic() + 30, time.monotonic() + 7200])
        tokens = TokenCache(lambda deadline: Token(value="x", expires_at=next(ends)))

        assert tokens.get(deadline=0).expires_at != tokens.get(deadline=0).expires_at
        assert tokens.get(deadline=0) is tokens.get(deadline=0)


class TestBreaker:
    def test_it_spares_a_provider_that_is_down_and_tries_again_later(self, httpserver):
        httpserver.expect_request("/thing").respond_with_response(Response(status=500))
        for _ in range(BREAKER.failures):
            with pytest.raises(CallUncertain):
                send(httpserver.url_for(""), WRITE)

        with pytest.raises(CallRefused, match="breaker_open"):
            send(httpserver.url_for(""), WRITE)
        assert len(httpserver.log) == BREAKER.failures

        httpserver.clear()
        httpserver.expect_request("/thing").respond_with_json({})
        time.sleep(1.1)
        assert send(httpserver.url_for(""), WRITE).status == 200

    def test_refusals_are_no_outage(self, httpserver):
        httpserver.expect_request("/thing").respond_with_response(Response(status=422))
        for _ in range(BREAKER.failures + 1):
            with pytest.raises(CallRefused, match="status_422"):
                send(httpserver.url_for(""), WRITE)


def test_retry_after_is_seconds_or_a_date():
    assert read_retry_after("7") == 7
    assert read_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert read_retry_after("") is None
    assert read_retry_after("-5") is None
