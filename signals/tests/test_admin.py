"""The store in the Django admin: to look at, not to change."""

from datetime import UTC, datetime

import pytest

from signals.services.ingest import ingest_signals
from signals.services.quarantine import quarantine
from signals.tests.factories import SignalDraftFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def signal_id():
    draft = SignalDraftFactory(with_person=True)
    [result] = ingest_signals(drafts=[draft], actor="system:test", now=datetime.now(UTC))
    return result.signal_id


def test_a_signal_is_shown_without_person_and_can_not_be_changed(admin_client, signal_id):
    page = admin_client.get(f"/admin/signals/signal/{signal_id}/change/")

    assert page.status_code == 200
    assert b"customer.test" not in page.content
    assert b'name="_save"' not in page.content
    assert admin_client.post(f"/admin/signals/signal/{signal_id}/change/", {"type": "x"}).status_code == 403
    assert admin_client.post(f"/admin/signals/signal/{signal_id}/delete/").status_code == 403
    assert admin_client.get("/admin/signals/signal/add/").status_code == 403


@pytest.mark.parametrize("model", ["signal", "signaltype", "signalcode", "quarantinedpayload"])
def test_lists_open(admin_client, signal_id, model):
    quarantine(source="salesforce", reason="missing_id", payload=b"{}", now=datetime.now(UTC))

    assert admin_client.get(f"/admin/signals/{model}/").status_code == 200


def test_a_quarantined_payload_can_not_be_edited_past_the_audit_log(admin_client):
    payload_id = quarantine(source="salesforce", reason="missing_id", payload=b"{}", now=datetime.now(UTC))
    url = f"/admin/signals/quarantinedpayload/{payload_id}/change/"

    assert admin_client.post(url, {"state": "resolved"}).status_code == 403
    assert b"Open" in admin_client.get(url).content
