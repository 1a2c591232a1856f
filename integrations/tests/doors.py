"""What the tests of every door ask of the store."""

from django.db import connection
from django.test import Client

from integrations.models import InboundRequest
from signals.selectors import list_open_quarantine, list_signals


def post(url, raw, headers=None, content_type="application/json"):
    return Client().post(url, raw, content_type=content_type, headers=headers or {})


def assert_refused(response, status=401):
    """The answer is a refusal with a request id, and nothing was stored but the log's line."""
    assert response.status_code == status, response.content
    assert response.json()["error"]["request_id"] == response.headers["X-Request-ID"]
    assert not list_signals().exists()
    assert not list_open_quarantine().exists()


def stored_text():
    """Return everything that the store and the connectors keep, as text, lower case."""
    text = ""
    with connection.cursor() as cursor:
        for table in (
            "signals",
            "signal_quarantine",
            "integration_inbound",
            "integration_references",
            "audit_logs",
            "outbox",
        ):
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone()[0]:
                cursor.execute(f"SELECT string_agg(row::text, ' ') FROM {table} row")
                text += (cursor.fetchone()[0] or "").lower()
    return text


def inbound():
    """Return the lines of the inbound log, oldest first, as (source, status, reason, counts)."""
    names = ("requests", "accepted", "duplicates", "conflicts", "quarantined", "noted")
    return [
        (
            line.source,
            line.status,
            line.reason,
            {name: getattr(line, name) for name in names if getattr(line, name)},
        )
        for line in InboundRequest.objects.order_by("id")
    ]
