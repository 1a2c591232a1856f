"""The signal endpoints as a caller sees them."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from compliance import subjects
from revctx.api.tokens import issue_token
from signals.models import QuarantinedPayload, Signal
from signals.services.ingest import ingest_signals
from signals.tests.factories import SignalDraftFactory

pytestmark = pytest.mark.django_db
HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def _client(*scopes, source=""):
    user = User.objects.create_user(f"integrator-{uuid4()}")
    token = issue_token(user=user, label="test", scopes=scopes, source=source, now=datetime.now(UTC))
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def client():
    return _client("signals:write", "signals:read")


def _body(**changes):
    body = {
        "source": "web",
        "type": "pricing_page_view",
        "external_id": "visit-1",
        "occurred_at": HOUR_AGO,
        "account": {"domain": "acme.test"},
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


def _post(client, body, content_type="application/json", **headers):
    raw = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post("/api/signals", raw, content_type=content_type, headers=headers)


def _assert_refused(response, status):
    assert response.status_code == status, response.content
    error = response.json()["error"]
    assert set(error) <= {"code", "message", "fields", "request_id"}
    assert error["code"]
    assert error["request_id"] == response.headers["X-Request-ID"]
    assert not Signal.objects.exists()
    assert not QuarantinedPayload.objects.exists()


class TestPost:
    def test_stores_and_answers_with_the_id(self, client):
        response = _post(
            client,
            _body(
                person={"email": "ada@acme.test", "name": "Ada", "title": "CTO"},
                strength=2,
                attributes={"count": 3},
            ),
            **{"X-Request-ID": "trace-123"},
        )

        assert response.status_code == 202
        assert response.json()["status"] == "accepted"
        row = Signal.objects.get(id=response.json()["id"])
        assert row.subject_id == subjects.find_subject(email="ada@acme.test")
        assert (row.strength, row.attributes, row.request_id) == (2.0, {"count": 3}, "trace-123")

    def test_duplicate_and_conflict(self, client):
        first = _post(client, _body()).json()

        assert _post(client, _body()).json() == {"id": first["id"], "status": "duplicate"}
        assert _post(client, _body(strength=3)).json()["status"] == "conflict"

    @pytest.mark.parametrize(
        ("raw", "status"),
        [
            (b"{not json", 400),
            (b"", 422),
            (b"\xff\xfe", 400),
            (b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}", 400),
            (b"[" * 2000, 400),
            (json.dumps(_body(external_id="a\x00b")), 400),
            (json.dumps(_body()).replace("visit-1", "\\ud800"), 400),
            (json.dumps(_body(attributes={"count": float("nan")})), 400),
            (json.dumps(_body()).replace('"visit-1"', "1e999"), 400),
            ('{"source": "web", "source": "api"}', 400),
            (b" " * 1_000_000, 413),
            (json.dumps([]), 422),
            (json.dumps("text"), 422),
        ],
    )
    def test_refuses_what_is_no_document(self, client, raw, status):
        _assert_refused(_post(client, raw), status)

    @pytest.mark.parametrize(
        "changes",
        [
            {"source": None},
            {"source": "Not A Slug"},
            {"type": "horoscope"},
            {"external_id": ""},
            {"occurred_at": "2026-11-22T10:00:00"},
            {"occurred_at": "9999-01-01T00:00:00Z"},
            {"occurred_at": "1970-01-01T00:00:00Z"},
            {"occurred_at": "yesterday"},
            {"account": {}},
            {"account": {"nickname": "x"}},
            {"account": {"domain": "no domain"}},
            {"account": {"name": "jane@acme.test"}},
            {"account": "acme"},
            {"person": {"email": "not an address"}},
            {"person": {"email": "a@b.test", "phone": "1"}},
            {"strength": 0},
            {"strength": 10.5},
            {"strength": "1"},
            {"strength": True},
            {"attributes": []},
            {"unknown": 1},
        ],
    )
    def test_refuses_a_wrong_field_and_says_which(self, client, changes):
        response = _post(client, _body(**changes))

        _assert_refused(response, 422)
        assert response.json()["error"]["fields"]

    def test_refuses_another_content_type(self, client):
        _assert_refused(_post(client, json.dumps(_body()), content_type="text/plain"), 415)

    def test_a_clock_a_little_ahead_is_clamped(self, client):
        before = datetime.now(UTC)

        response = _post(client, _body(occurred_at=(before + timedelta(minutes=4)).isoformat()))

        row = Signal.objects.get(id=response.json()["id"])
        assert row.occurred_at == row.received_at

    def test_needs_a_token_with_the_scope(self):
        _assert_refused(_post(Client(), _body()), 401)
        _assert_refused(_post(_client("signals:read"), _body()), 403)

    def test_a_token_for_one_source_writes_no_other(self):
        client = _client("signals:write", source="product")

        _assert_refused(_post(client, _body()), 403)
        assert _post(client, _body(source="product")).status_code == 202


class TestList:
    def _ingest(self, **fields):
        draft = SignalDraftFactory(**fields)
        [result] = ingest_signals(drafts=[draft], actor="system:test", now=datetime.now(UTC))
        return str(result.signal_id)

    def test_filters_and_orders(self, client):
        day = datetime(2026, 3, 1, tzinfo=UTC)
        early = self._ingest(source="web", account={"domain": "acme.test"}, occurred_at=day)
        late = self._ingest(
            source="product",
            type="product_usage",
            account={"crm_id": "acme.test"},
            occurred_at=day + timedelta(days=2, hours=12),
        )

        def ids(query):
            return [row["id"] for row in client.get(f"/api/signals?{query}").json()["results"]]

        assert ids("") == [late, early]
        assert ids("account=acme.test") == [late, early]
        assert ids("account=other") == []
        assert ids("type=product_usage") == [late]
        assert ids("source=web") == [early]
        assert ids("since=2026-03-02") == [late]
        assert ids("until=2026-03-02") == [early]
        assert ids("until=2026-03-03") == [late, early]
        assert ids("until=2026-03-03T11:59:59Z") == [early]

    def test_pages_reach_every_row_once(self, client):
        stored = {self._ingest() for _ in range(7)}

        seen, url = [], "/api/signals?limit=3"
        while url:
            page = client.get(url).json()
            seen += [row["id"] for row in page["results"]]
            url = page["next"]

        assert len(seen) == 7
        assert set(seen) == stored

    @pytest.mark.parametrize(
        "query", ["since=yesterday", "until=2026-03-02T00:00:00", "type=%00", "account=", "since=9999-99-99"]
    )
    def test_refuses_a_wrong_filter(self, client, query):
        _assert_refused(client.get(f"/api/signals?{query}"), 422)

    def test_needs_the_scope(self):
        assert _client("signals:write").get("/api/signals").status_code == 403

    def test_costs_one_query_whatever_the_page(self, client, django_assert_max_num_queries):
        for _ in range(5):
            self._ingest()

        with django_assert_max_num_queries(2):  # the token and the page
            client.get("/api/signals")


class TestDetail:
    def test_shows_a_signal_and_its_other_versions(self, client):
        first = _post(client, _body(person={"email": "ada@acme.test"})).json()["id"]
        other = _post(client, _body(person={"email": "ada@acme.test"}, strength=3)).json()["id"]

        detail = client.get(f"/api/signals/{first}").json()

        assert detail["conflicts"] == [other]
        assert detail["person"] == str(subjects.find_subject(email="ada@acme.test"))
        assert client.get(f"/api/signals/{other}").json()["conflicts_with"] == first
        assert "ada@" not in json.dumps(detail)  # three letters may stand in an id

    @pytest.mark.parametrize("signal_id", [uuid4(), "ffffffff-ffff-ffff-ffff-ffffffffffff"])
    def test_unknown(self, client, signal_id):
        assert client.get(f"/api/signals/{signal_id}").status_code == 404

    def test_no_uuid(self, client):
        assert client.get("/api/signals/17").status_code == 404
