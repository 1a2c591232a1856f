"""The batch endpoint, limits and the closed door, as a caller sees them."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from compliance.selectors import list_audit_events
from revctx.api import rate_limit
from revctx.api.tokens import issue_token
from revctx.eventbus.models import OutboxEvent
from revctx.eventbus.topics import SIGNAL_INGESTED
from signals.models import Signal

pytestmark = pytest.mark.django_db
HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


@pytest.fixture
def client():
    return _client()


def _client(*scopes, source=""):
    user = User.objects.create_user(f"integrator-{uuid4()}")
    scopes = scopes or ("signals:write",)
    secret = issue_token(user=user, label="test", scopes=scopes, source=source, now=datetime.now(UTC))
    return Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)


def _signal(external_id, **changes):
    return {
        "source": "web",
        "type": "pricing_page_view",
        "external_id": external_id,
        "occurred_at": HOUR_AGO,
        "account": {"domain": "acme.test"},
    } | changes


def _post(client, body, content_type="application/json", **headers):
    raw = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post("/api/signals/batch", raw, content_type=content_type, headers=headers)


MIXED = [
    _signal("a"),
    _signal("a"),
    _signal("a", strength=2),
    _signal("b", type="horoscope"),
    _signal("c", person={"email": "no address"}),
    _signal("d", source="product"),
    {"source": "web"},
    17,
    _signal("e", person={"email": "ada@acme.test"}),
]
LINES = b"\n".join([*(json.dumps(item).encode() for item in MIXED), b"", b"{not json", b'{"a":1,"a":2}'])
NOT_STORED = [
    (3, "unknown_type"), (4, "invalid_email"), (5, "wrong_source"), (6, "invalid"), (7, "invalid"),
]  # fmt: skip


class TestBatch:
    @pytest.mark.parametrize(
        ("body", "content_type", "rejected"),
        [
            (MIXED, "application/json", NOT_STORED),
            (
                LINES,
                "application/x-ndjson",
                [*NOT_STORED, (9, "invalid_json"), (10, "invalid_json")],
            ),
        ],
        ids=["array", "ndjson"],
    )
    def test_stores_what_can_be_and_names_the_rest(self, body, content_type, rejected):
        client = _client(source="web")

        response = _post(client, body, content_type, **{"X-Request-ID": "trace-9"})

        assert response.status_code == 207, response.content
        answer = response.json()
        assert [(item["index"], item["code"]) for item in answer["rejected"]] == rejected
        assert all(item["message"] for item in answer["rejected"])
        assert (answer["accepted"], answer["duplicates"], answer["conflicts"]) == (2, 1, 1)
        assert {row.request_id for row in Signal.objects.all()} == {"trace-9"}
        assert Signal.objects.count() == 3
        assert OutboxEvent.objects.filter(type=SIGNAL_INGESTED).count() == 2
        assert list_audit_events(request_id="trace-9").filter(target_type="signal").count() == 3

    def test_costs_the_same_statements_whatever_its_size(self, client, django_assert_max_num_queries):
        _post(client, [_signal("first")])

        with django_assert_max_num_queries(16):
            answer = _post(client, [_signal(f"event-{n}") for n in range(1_000)])

        assert answer.json()["accepted"] == 1_000

    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            ([_signal(str(n)) for n in range(1_001)], "application/json", 413),
            (b"\n".join([b"{}"] * 1_001), "application/x-ndjson", 413),
            (b" " * (5 * 1024 * 1024 + 1), "application/json", 413),
            (b"\n" * (5 * 1024 * 1024 + 1), "application/x-ndjson", 413),
            (_signal("a"), "application/json", 422),
            (b"[", "application/json", 400),
            (b"[" * 40 + b"]" * 40, "application/json", 400),
            (b"", "application/json", 422),
            ([_signal("a")], "text/csv", 415),
        ],
    )
    def test_refuses_a_body_that_is_no_batch(self, client, body, content_type, status):
        response = _post(client, body, content_type)

        assert response.status_code == status, response.content
        assert response.json()["error"]["request_id"] == response.headers["X-Request-ID"]
        assert not Signal.objects.exists()

    def test_an_empty_batch_is_one(self, client):
        assert _post(client, []).json() == {"accepted": 0, "duplicates": 0, "conflicts": 0, "rejected": []}

    def test_needs_a_token_with_the_scope(self):
        assert _post(Client(), [_signal("a")]).status_code == 401
        assert _post(_client("signals:read"), [_signal("a")]).status_code == 403

    def test_a_repeated_request_gets_the_first_answer_without_what_the_caller_wrote(self, client):
        body = [_signal("a"), {"robin@northwind.example": 1}]
        first = _post(client, body, **{"Idempotency-Key": "batch-1"})

        again = _post(client, body, **{"Idempotency-Key": "batch-1"})

        assert first.status_code == again.status_code == 207
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json()["accepted"] == first.json()["accepted"] == 1
        assert [(item["index"], item["code"]) for item in again.json()["rejected"]] == [(1, "invalid")]
        assert b"robin" not in again.content


class TestRateLimit:
    @pytest.fixture(autouse=True)
    def _slow(self, settings):
        settings.SIGNALS_PER_SECOND_PER_TOKEN = 0.1
        settings.SIGNAL_BURST_SECONDS = 1

    def test_counts_signals_at_both_doors_by_token(self, client):
        assert _post(client, [_signal(str(n)) for n in range(990)]).status_code == 207
        singles = [client.post("/api/signals", _signal(f"s{n}"), "application/json") for n in range(40)]

        statuses = [response.status_code for response in singles]
        assert statuses[:10] == [202] * 10
        assert statuses[-1] == 429
        refused = singles[-1]
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["error"]["code"] == "rate_limited"
        whole = _post(client, [_signal(f"b{n}") for n in range(500)])
        assert whole.status_code == 429
        assert 4000 <= int(whole.headers["Retry-After"]) <= 5100
        assert Signal.objects.count() == 990 + statuses.count(202)
        assert _post(_client(), [_signal("other token")]).status_code == 207

    def test_opens_loudly_without_redis(self, client, settings, monkeypatch):
        monkeypatch.setattr(rate_limit, "_unchecked_until", 0.0)
        lost = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
        before = rate_limit.RATE_LIMIT_UNCHECKED._value.get()
        settings.CACHES = {"default": lost}

        for round_number in range(3):
            batch = [_signal(f"{round_number}-{n}") for n in range(900)]
            assert _post(client, batch).status_code == 207

        assert rate_limit.RATE_LIMIT_UNCHECKED._value.get() - before == 2_700
        monkeypatch.setattr(rate_limit, "_unchecked_until", 0.0)


class TestClosedDoor:
    @pytest.mark.parametrize(
        "limits",
        [{"DATABASE_MAX_BYTES": 1}, {"DATABASE_DISK_PATH": "/", "DATABASE_MIN_FREE_BYTES": 10**18}],
        ids=["database", "disk"],
    )
    def test_a_disk_nearly_full(self, client, settings, limits):
        for name, value in limits.items():
            setattr(settings, name, value)

        for response in (
            _post(client, [_signal("a")]),
            client.post("/api/signals", _signal("a"), "application/json"),
        ):
            assert response.status_code == 503
            assert int(response.headers["Retry-After"]) > 0
            assert response.json()["error"]["code"] == "storage_nearly_full"
        assert not Signal.objects.exists()

        settings.DATABASE_MAX_BYTES = settings.DATABASE_MIN_FREE_BYTES = 0
        assert _post(client, [_signal("a")]).status_code == 207
