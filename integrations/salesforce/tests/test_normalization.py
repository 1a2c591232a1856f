"""From an opportunity update to a draft."""

from datetime import UTC, datetime

import pytest

from integrations.outcomes import Unmappable
from integrations.salesforce.normalization import opportunity_to_draft
from signals.contracts import PersonDraft

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BRIEF = {"AccountId": "test-account-001", "Id": "oppty-123", "StageName": "Demo Scheduled"}


def _draft(webhook_id=None, **changes):
    return opportunity_to_draft(BRIEF | changes, webhook_id=webhook_id, now=NOW)


def test_the_plainest_body():
    draft = _draft()

    assert (draft.source, draft.type, draft.external_id) == (
        "salesforce",
        "opportunity_stage_changed",
        "oppty-123",
    )
    assert draft.account == {"crm_id": "test-account-001"}
    assert draft.attributes == {"stage": "demo_scheduled"}
    assert (draft.occurred_at, draft.occurred_at_is_ours, draft.person) == (NOW, True, None)


@pytest.mark.parametrize(
    ("stage", "signal_type"),
    [
        ("Closed Won", "opportunity_won"),
        ("Closed Lost", "opportunity_lost"),
        ("", "opportunity_created"),
        (None, "opportunity_created"),
        ("Anything Else", "opportunity_stage_changed"),
        ("見積", "opportunity_stage_changed"),
    ],
)
def test_stage_gives_the_type(stage, signal_type):
    assert _draft(StageName=stage).type == signal_type


@pytest.mark.parametrize(
    ("webhook_id", "changes", "key"),
    [
        ("msg_1", {"LastModifiedDate": "2026-11-22T10:00:00Z"}, "webhook:msg_1"),
        (
            None,
            {"LastModifiedDate": "2026-11-22T10:00:00.000+0000"},
            "modified:oppty-123:2026-11-22T10:00:00+00:00",
        ),
        (None, {}, "stage:oppty-123:Demo Scheduled"),
    ],
)
def test_natural_key(webhook_id, changes, key):
    assert _draft(webhook_id, **changes).natural_key == key


def test_optional_parts():
    draft = _draft(
        ContactEmail="ada@acme.test",
        ContactName="Ada",
        ContactTitle="CTO",
        Amount=12000.5,
        LastModifiedDate="2026-11-22T10:00:00Z",
        OwnerName="Somebody Else",
    )

    assert draft.person == PersonDraft("ada@acme.test", "Ada", "CTO")
    assert draft.attributes["value"] == 12000.5
    assert (draft.occurred_at, draft.occurred_at_is_ours) == (datetime(2026, 11, 22, 10, tzinfo=UTC), False)
    assert draft.sealed["payload"]["OwnerName"] == "Somebody Else"
    assert "ContactEmail" not in draft.sealed["payload"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Id": None}, "missing_id"),
        ({"Id": ""}, "missing_id"),
        ({"Id": 7}, "invalid_id"),
        ({"Id": "a b"}, "invalid_id"),
        ({"AccountId": None}, "missing_account_id"),
        ({"AccountId": "jane@acme.test"}, "invalid_account_id"),
        ({"StageName": ["x"]}, "invalid_stage_name"),
        ({"StageName": "x" * 201}, "invalid_stage_name"),
        ({"Amount": "12"}, "invalid_amount"),
        ({"Amount": True}, "invalid_amount"),
        ({"LastModifiedDate": "soon"}, "invalid_last_modified_date"),
        ({"LastModifiedDate": "2026-11-22T10:00:00"}, "naive_last_modified_date"),
        ({"ContactName": {}, "ContactEmail": "a@b.test"}, "invalid_contact_name"),
    ],
)
def test_not_understood(changes, reason):
    with pytest.raises(Unmappable) as refused:
        _draft(**changes)

    assert refused.value.reason == reason


@pytest.mark.parametrize("body", [[], [BRIEF], "text", 7, None])
def test_only_objects(body):
    with pytest.raises(Unmappable, match="not_an_object"):
        opportunity_to_draft(body, webhook_id=None, now=NOW)
