"""The door in front of Django: same answers, and what it can't vouch for goes on to Django."""

import io
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from revctx.api import lean_path
from revctx.api.tokens import issue_token
from revctx.wsgi import application
from signals.selectors import get_signal, list_signals

pytestmark = pytest.mark.django_db
BODY = {
    "source": "web",
    "type": "pricing_page_view",
    "external_id": "visit-1",
    "occurred_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    "account": {"domain": "acme.test"},
}


@pytest.fixture
def post(monkeypatch):
    """Post to the WSGI application; returns status, headers, document, and whether Django was asked."""
    user = User.objects.create_user("integrator")
    secret = issue_token(user=user, label="test", scopes=["signals:write"], now=datetime.now(UTC))

    def send(body, path="/api/signals", **changes):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": path, "SERVER_NAME": "testserver", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "testserver", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(raw)), "HTTP_AUTHORIZATION": f"Bearer {secret}",
            "wsgi.input": io.BytesIO(raw), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
        } | changes  # fmt: skip
        environ = {name: value for name, value in environ.items() if value is not None}
        seen = []
        monkeypatch.setattr(application, "_application", lambda *_: seen.append("django") or [b"null"])
        answer = application(environ, lambda status, headers: seen.extend((int(status[:3]), dict(headers))))
        document = json.loads(b"".join(answer))
        return (None, {}, None, True) if seen == ["django"] else (*seen, document, False)

    return send


def test_stores_and_answers(post):
    status, headers, receipt, _ = post(BODY, HTTP_X_REQUEST_ID="trace-7")
    assert (status, receipt["status"]) == (202, "accepted")
    assert get_signal(signal_id=UUID(receipt["id"])).request_id == "trace-7"
    assert headers["X-Request-ID"] == "trace-7"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert int(headers["Content-Length"]) == len(json.dumps(receipt))


def test_takes_batches(post):
    status, _, receipt, _ = post([BODY, {"source": "web"}], path="/api/signals/batch")
    assert status == 207
    assert receipt["accepted"] == 1
    assert receipt["rejected"][0]["index"] == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"HTTP_AUTHORIZATION": "Bearer wrong"}, 401, "authentication_failed"),
        ({"CONTENT_TYPE": "text/plain"}, 415, "unsupported_media_type"),
        ({"CONTENT_LENGTH": "999999"}, 413, "payload_too_large"),
        ({"CONTENT_LENGTH": "0"}, 422, "invalid"),
        ({"CONTENT_LENGTH": "9"}, 400, "invalid_json"),
    ],
)
def test_refuses_in_the_one_shape(post, changes, status, code):
    answered, headers, document, _ = post(BODY, **changes)
    assert (answered, document["error"]["code"]) == (status, code)
    assert document["error"]["request_id"] == headers["X-Request-ID"]
    assert not list_signals().exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"HTTP_HOST": "evil.test"},
        {"HTTP_HOST": None},
        {"CONTENT_LENGTH": None},
        {"CONTENT_LENGTH": "+9"},
        {"CONTENT_LENGTH": "١"},
        {"HTTP_IDEMPOTENCY_KEY": "once"},
        {"HTTP_AUTHORIZATION": "Basic eDp5"},
        {"REQUEST_METHOD": "PUT"},
        {"SCRIPT_NAME": "/below"},
        {"path": "/api/signals/"},
    ],
)
def test_leaves_to_django_what_it_cannot_vouch_for(post, changes):
    assert post(BODY, **changes) == (None, {}, None, True)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(OperationalError("x@secret"), 503, "unavailable"), (KeyError("x@secret"), 500, "internal_error")],
)
def test_tells_no_more_of_an_error_than_django_would(post, monkeypatch, error, status, code):
    def fail(*_):
        raise error

    monkeypatch.setattr(lean_path, "_token", fail)
    answered, headers, document, _ = post(BODY)
    assert (answered, document["error"]["code"]) == (status, code)
    assert "secret" not in json.dumps(document)
    assert headers["X-Request-ID"] == document["error"]["request_id"]


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_replaced(post):
    assert post(BODY)[0] == 202
    pid = connection.connection.info.backend_pid
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert post(BODY | {"external_id": "visit-2"})[0] == 202
