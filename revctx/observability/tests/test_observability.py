import json
import logging
import time

import pytest
from django.db import OperationalError, connection
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from revctx.observability import heartbeats
from revctx.observability.logging import redact


@pytest.mark.django_db
class TestRequestId:
    def test_echoes_a_well_formed_one(self):
        response = Client().get("/health", headers={"X-Request-ID": "trace-123"})

        assert response["X-Request-ID"] == "trace-123"

    @pytest.mark.parametrize("bad", ["", "with space", "x" * 129, "semi;colon", "new\u2028line"])
    def test_makes_one_instead_of_any_other(self, bad):
        made = Client().get("/health", headers={"X-Request-ID": bad})["X-Request-ID"]

        assert made != bad
        assert len(made) == 32


class TestRedact:
    @pytest.mark.parametrize(
        "text",
        [
            "GET /api/consent/mia%40northwind.example HTTP/1.1",
            "/api/consent/mia@northwind.example",
            "no account for mia.k+test@northwind.example today",
            'Key (email)=("mia@northwind.example") already exists',
        ],
    )
    def test_takes_addresses_out(self, text):
        assert "mia" not in redact(text)

    def test_leaves_the_rest(self):
        assert redact("GET /api/signals?since=2026-01-01") == "GET /api/signals?since=2026-01-01"

    def test_reaches_records_of_libraries(self):
        record = logging.makeLogRecord(
            {"name": "some.library", "msg": "lost %s", "args": ("mia@north.example",)}
        )
        ours = next(h for h in logging.getLogger().handlers if isinstance(h.formatter, ProcessorFormatter))

        line = json.loads(ours.format(record))

        assert line["event"] == "lost [address]"


@pytest.mark.django_db
class TestHealth:
    def test_says_that_it_is_alive(self):
        assert Client().get("/health").json() == {"status": "ok"}

    def test_asks_every_dependency(self):
        response = Client().get("/health/detailed")

        checks = response.json()["checks"]
        assert response.status_code == 503
        assert {name for name, check in checks.items() if check["healthy"]} >= {
            "database", "redis", "kafka", "outbox", "work_backlog",
        }  # fmt: skip
        assert checks["bridges"]["reason"] == "nobody reads for context-engine, orchestration-engine"

    def test_is_unavailable_without_redis(self, settings):
        settings.CACHES = {
            "default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"},
        }

        response = Client().get("/health/detailed")

        assert response.status_code == 503
        assert response.json()["checks"]["redis"]["healthy"] is False


@pytest.mark.django_db
class TestWorkers:
    @pytest.fixture
    def few(self, settings):
        settings.EXPECTED_WORKERS = {"context-engine": 2}

    def test_counts_the_living(self, few):
        heartbeats.beat_once(queue="context-engine", worker="one")
        assert Client().get("/health/workers").status_code == 503
        heartbeats.beat_once(queue="context-engine", worker="two")

        response = Client().get("/health/workers")

        assert response.status_code == 200
        assert response.json()["queues"]["context-engine"]["alive"] == 2

    def test_misses_a_dead_one_within_seconds(self, few, monkeypatch):
        monkeypatch.setattr(heartbeats, "LIFETIME_SECONDS", 1)
        heartbeats.beat_once(queue="context-engine", worker="one")
        heartbeats.beat_once(queue="context-engine", worker="two")
        time.sleep(1.2)

        assert Client().get("/health/workers").status_code == 503


@pytest.mark.django_db
class TestMetrics:
    def test_names_what_the_product_counts(self):
        Client().get("/health")

        text = Client().get("/metrics").content.decode()

        for name in (
            "intent_score_calculation_seconds",
            "signals_processed_total",
            "cache_hits_total",
            "cache_misses_total",
            "api_request_seconds",
            "enrichment_api_calls_total",
            "enrichment_budget_spent_dollars",
            "context_quality_score_distribution",
            "laboratory_experiments_active",
            "kafka_consumers_active",
            "outbox_age_seconds",
        ):
            assert f"# TYPE {name}" in text or f"# TYPE {name.removesuffix('_total')}" in text, name

    def test_keeps_the_counters_while_postgresql_is_away(self):
        def refuse(*_):
            raise OperationalError("the server is away")

        with connection.execute_wrapper(refuse):
            response = Client().get("/metrics")

        assert response.status_code == 200
        assert "signals_processed_total" in response.content.decode()
        assert "outbox_age_seconds" not in response.content.decode()

    def test_labels_a_request_by_its_route(self):
        Client().get("/api/consent/mia@northwind.example")

        text = Client().get("/metrics").content.decode()

        assert 'endpoint="/api/consent/' in text
        assert "northwind" not in text
