from base64 import b64encode
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from revctx.api.tests.conftest import NOW
from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals

PATHS = ("signals", "audit/events", "actions/pending", "laboratory/experiments")
SCOPES = ("signals:read", "audit:read", "actions:read", "lab:read")


@pytest.mark.django_db(databases=["default", "lab"])
class TestCursor:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("text", ["p=x", "p=\x00", "p=99999-01-01", "o=x", "r=x&p=1"])
    def test_one_of_another_list_is_refused(self, path, text, caller):
        cursor = quote(b64encode(text.encode()))

        response = caller(*SCOPES).get(f"/api/{path}?cursor={cursor}")

        assert response.status_code == 400
        assert response.json()["error"]["code"] == "invalid_cursor"

    @pytest.mark.parametrize("cursor", ["abc", "é"])
    def test_what_is_none_is_refused(self, cursor, caller):
        assert caller(*SCOPES).get(f"/api/signals?cursor={cursor}").status_code == 400

    def test_walks_through_any_number_of_one_instant(self, caller):
        drafts = [
            SignalDraft(
                source="web",
                type="page_view",
                external_id=f"visit-{number}",
                occurred_at=NOW - timedelta(days=1),
                account={"crm_id": "northwind"},
            )
            for number in range(1_600)
        ]
        ingest_signals(drafts=drafts, actor="system:test", now=timezone.now())
        client, address, seen = caller("signals:read"), "/api/signals?limit=500", []

        for _ in range(10):
            page = client.get(address).json()
            seen += [row["id"] for row in page["results"]]
            address = page["next"]
            if address is None:
                break

        assert len(seen) == len(set(seen)) == 1_600
