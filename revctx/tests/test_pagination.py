from base64 import b64encode
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals

PATHS = ("signals", "audit/events", "actions/pending", "laboratory/experiments")
SCOPES = ("signals:read", "audit:read", "actions:read", "lab:read")


@pytest.mark.django_db(databases=["default", "lab"])
class TestCursor:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("text", ["p=x", "p=\x00", "p=99999-01-01", "o=x", "r=x&p=1"])
    def test_one_of_another_list_is_refused(self, path, text, api_client):
        cursor = quote(b64encode(text.encode()))

        response = api_client(*SCOPES).get(f"/api/{path}?cursor={cursor}")

        assert response.status_code == 400
        assert response.json()["error"]["code"] == "invalid_cursor"

    @pytest.mark.parametrize("cursor", ["abc", "é"])
    def test_what_is_none_is_refused(self, cursor, api_client):
        assert api_client(*SCOPES).get(f"/api/signals?cursor={cursor}").status_code == 400

    def test_walks_through_any_number_of_one_instant(self, api_client):
        now = timezone.now()
        yesterday = now - timedelta(days=1)
        drafts = [
            SignalDraft(
                source="web",
                type="page_view",
                external_id=f"visit-{number}",
                occurred_at=yesterday,
                account={"crm_id": "northwind"},
            )
            for number in range(1_600)
        ]
        ingest_signals(drafts=drafts, actor="system:test", now=now)
        client, address, seen = api_client("signals:read"), "/api/signals?limit=500", []

        for _ in range(10):
            page = client.get(address).json()
            seen += [row["id"] for row in page["results"]]
            address = page["next"]
            if address is None:
                break

        assert len(seen) == len(set(seen)) == 1_600
