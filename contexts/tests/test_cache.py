"""The hot copy never changes an answer: stopped, garbled, outrun by a writer, or about the erased."""

import json
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from django_redis import get_redis_connection

from compliance import erasure, subjects
from contexts import cache, selectors
from contexts.tests.factories import NOW, make_draft, score_of, score_signals
from revctx.devstack.ports import free_ports
from revctx.devstack.redis import RedisServer
from revctx.observability.metrics import CACHE_HITS, CACHE_MISSES

pytestmark = pytest.mark.django_db

EMAIL = "robin@acme.example"


def value(counter: Any) -> float:
    return counter._value.get()


def account_id() -> Any:
    return selectors.get_account_id("crm-1")


def read_copy() -> Any:
    raw = get_redis_connection("default").get(f"contexts:evidence:{account_id()}")
    return json.loads(zlib.decompress(raw)) if raw else None


@pytest.fixture
def own_redis(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that this test may stop, used by the product's cache."""
    folder = Path(tmp_path_factory.mktemp("redis"))
    server = RedisServer(folder=folder, port=free_ports(1)[0], password="test", durable=False)
    server.start()
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": server.url}}
    yield server
    server.stop()
    cache._away_until = 0.0  # the other tests' Redis answers


class TestStopped:
    def test_reads_are_the_same_before_while_and_after(self, own_redis: RedisServer, api_client: Any) -> None:
        score_signals(make_draft("demo_requested", email=EMAIL), make_draft("pricing_page_view"))
        client = api_client("accounts:read")

        def read() -> tuple[Any, Any]:
            return score_of(), client.get("/api/accounts/crm-1").json()["contacts"]

        before, hits = read(), value(CACHE_HITS)
        assert read() == before
        assert value(CACHE_HITS) > hits

        own_redis.stop()
        misses, started = value(CACHE_MISSES), perf_counter()
        assert read() == before
        assert value(CACHE_MISSES) == misses + 2
        assert perf_counter() - started < 2
        assert client.get("/api/accounts/crm-1/score").status_code == 200

        own_redis.start()
        assert read() == before

    def test_a_silent_one_is_waited_for_once(self, own_redis: RedisServer) -> None:
        score_signals(make_draft("demo_requested", email=EMAIL))
        before = score_of()
        assert own_redis.process is not None
        own_redis.process.send_signal(signal.SIGSTOP)

        first = perf_counter()
        assert score_of() == before
        waited = perf_counter() - first
        misses = value(CACHE_MISSES)
        assert [score_of() for _ in range(3)] == [before] * 3

        own_redis.process.send_signal(signal.SIGCONT)
        assert value(CACHE_MISSES) == misses + 3
        assert perf_counter() - first < 2 * waited  # each further read would wait as long


class TestVersions:
    def test_what_a_slow_reader_stores_late_is_not_read(self) -> None:
        score_signals(make_draft("demo_requested"))
        score_of()
        key = f"contexts:evidence:{account_id()}"
        stale = get_redis_connection("default").get(key)
        score_signals(make_draft("pricing_page_view"))
        fresh = score_of()

        get_redis_connection("default").set(key, stale)

        assert score_of() == fresh

    @pytest.mark.parametrize(
        "garbage", [b"", b"x", zlib.compress(b"[]"), zlib.compress(b'{"form":1}'), b"\x80\x04K\x01."]
    )
    def test_garbage_is_a_miss(self, garbage: bytes) -> None:
        score_signals(make_draft("demo_requested"))
        before = score_of()

        get_redis_connection("default").set(f"contexts:evidence:{account_id()}", garbage)

        assert score_of() == before


class TestErased:
    def test_the_copy_is_gone_after_the_commit(self, django_capture_on_commit_callbacks: Any) -> None:
        score_signals(make_draft("demo_requested", email=EMAIL), make_draft("pricing_page_view"))
        score_of()
        subject_id = subjects.find_subject(email=EMAIL)
        assert str(subject_id) in json.dumps(read_copy())

        with django_capture_on_commit_callbacks(execute=True):
            erasure.erase(subject_id=subject_id, actor="user:1", now=NOW)
            assert [c.type for c in score_of().contributions] == ["pricing_page_view"]

        assert str(subject_id) not in json.dumps(read_copy())

    def test_nothing_in_it_is_personal(self) -> None:
        score_signals(make_draft("demo_requested", email=EMAIL, title="Head of Sales"))
        score_of()

        text = json.dumps(read_copy())

        assert read_copy()["buckets"]
        assert not [word for word in ("robin", "Vale", "Head", "@", "acme") if word in text]

    def test_forgetting_nobody_asks_nobody(self, settings: Any) -> None:
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}

        cache.forget_copies([])
