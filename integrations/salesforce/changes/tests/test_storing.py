"""What a page of decoded changes leads to."""

from datetime import UTC, datetime, timedelta
from unittest.mock import ANY

import pytest
from django.db import IntegrityError, connection

from integrations.salesforce.changes import cursors
from integrations.salesforce.changes.storing import begin_again, store_page
from integrations.salesforce.changes.stream import ChangePage, ReceivedChange
from integrations.salesforce.changes.tests.factories import ACCOUNT, NOW_MS, OPPORTUNITY, OTHER, change
from signals.selectors import list_open_quarantine, list_signals

TOPIC = "/data/OpportunityChangeEvent"
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(minutes=1)
pytestmark = pytest.mark.django_db


def store(*payloads, position=b"\x01", now=NOW):
    changes = tuple(
        ReceivedChange(replay_id=bytes([number]), payload=payload, raw=b"raw")
        for number, payload in enumerate(payloads)
    )
    store_page(topic=TOPIC, page=ChangePage(changes=changes, position=position), now=now)


def types():
    return sorted(signal.type for signal in list_signals())


def reasons():
    return sorted(row.reason for row in list_open_quarantine())


class TestOpportunity:
    def test_an_update_names_its_account_by_what_the_creation_taught(self):
        store(
            change("CREATE", AccountId=ACCOUNT, StageName="Prospecting", Amount=900.0, Name="Quill"),
            change(StageName="Demo Scheduled"),
        )
        store(change(StageName="Closed Lost"))

        assert types() == ["opportunity_created", "opportunity_lost", "opportunity_stage_changed"]
        assert all(signal.account == {"crm_id": ACCOUNT} for signal in list_signals())
        changed = list_signals().get(type="opportunity_stage_changed")
        assert changed.attributes == {"stage": "demo_scheduled", "opportunity": ANY}
        assert changed.occurred_at == NOW - timedelta(minutes=1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT string_agg(s::text, '') FROM signals s")
            assert "Quill" not in cursor.fetchone()[0]

    def test_one_event_for_several_records_is_a_signal_for_each(self):
        store(change(records=(OPPORTUNITY, OTHER), AccountId=ACCOUNT, StageName="Demo Scheduled"))

        assert types() == ["opportunity_stage_changed"] * 2

    def test_only_an_id_is_learned_as_an_account(self):
        store(change(AccountId="zoe@firma.example", StageName="Demo Scheduled"))

        assert types() == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM integration_opportunity_accounts")
            assert cursor.fetchone() == (0,)

    def test_a_record_whose_account_is_unknown_waits_alone(self):
        store(change("CREATE", AccountId=ACCOUNT, StageName="Prospecting"))
        event = change(records=(OPPORTUNITY, OTHER), StageName="Demo Scheduled")
        store(event, position=b"\x02")
        store(event, position=b"\x03")

        assert types() == ["opportunity_created", "opportunity_stage_changed"]
        assert reasons() == ["unknown_account"]

    def test_the_same_event_again_is_known(self):
        event = change(AccountId=ACCOUNT, StageName="Demo Scheduled")
        unknown = change(StageName="Demo Scheduled", records=(OTHER,))
        store(event, event, unknown)
        store(event, unknown, position=b"\x02")

        assert (types(), reasons()) == (["opportunity_stage_changed"], ["unknown_account"])

    @pytest.mark.parametrize(
        "event",
        [
            change(AccountId=ACCOUNT, Amount=5.0),
            # The channel adds the stage although it did not change.
            change(AccountId=ACCOUNT, StageName="Demo", header={"changedFields": ["Amount"]}),
            change("DELETE", AccountId=ACCOUNT),
            change("UNDELETE", AccountId=ACCOUNT, StageName="Demo"),
            change(StageName="Demo", header={"entityName": "Contact"}),
            change(AccountId=ACCOUNT, StageName="Demo", header={
                "changeOrigin": "com/salesforce/api/rest/62.0;client=revctx/"}),
            change("GAP_UPDATE", header={"changeOrigin": "com/salesforce/api/rest/62.0;client=revctx"}),
        ],
        ids=["amount", "enriched", "delete", "undelete", "contact", "ours", "our gap"],
    )  # fmt: skip
    def test_what_tells_nothing_moves_the_cursor_alone(self, event):
        store(event, position=b"\x09")

        assert (types(), reasons(), cursors.find_position(TOPIC)) == ([], [], b"\x09")


class TestUnclear:
    @pytest.mark.parametrize(
        ("event", "reason"),
        [
            (change("GAP_CREATE"), "gap_create"),
            (change("GAP_UPDATE"), "gap_update"),
            (change("GAP_DELETE"), "gap_delete"),
            (change("GAP_UNDELETE"), "gap_undelete"),
            (change("GAP_OVERFLOW", records=("000000000000000AAA",)), "gap_overflow"),
            (change("SPLIT"), "unknown_change_type"),
            (change(StageName="Demo", records=(OTHER,)), "unknown_account"),
            (change(StageName="Demo", AccountId="no;id"), "invalid_account_id"),
            (change(StageName="Demo", AccountId=ACCOUNT, header={"commitTimestamp": 0}), "too_early"),
            (change(header={"commitTimestamp": 10**30}), "invalid_change_header"),
            (change(header={"recordIds": None}), "invalid_change_header"),
            ({"no": "header"}, "invalid_change_header"),
            (None, "undecodable_change"),
        ],
    )
    def test_it_waits_and_the_rest_goes_on(self, event, reason):
        store(event, change(AccountId=ACCOUNT, StageName="Demo Scheduled"), position=b"\x05")
        store(event, position=b"\x06")

        assert (reasons(), types()) == ([reason], ["opportunity_stage_changed"])
        assert cursors.find_position(TOPIC) == b"\x06"

    def test_a_gap_does_not_teach_an_account(self):
        store(change("GAP_UPDATE", AccountId=ACCOUNT), change(StageName="Demo"))

        assert reasons() == ["gap_update", "unknown_account"]


class TestCursor:
    def test_it_moves_with_the_events_or_not_at_all(self):
        store(position=b"\x01")
        with pytest.raises(IntegrityError):
            store(change(AccountId=ACCOUNT, StageName="Demo Scheduled"), position=None)

        assert (types(), cursors.find_position(TOPIC)) == ([], b"\x01")

    def test_a_page_that_does_not_say_where_it_ends_moves_nothing(self):
        store(position=b"\x01")
        store(position=b"")

        assert cursors.find_position(TOPIC) == b"\x01"

    def test_a_lost_position_is_noted_once_and_reading_begins_with_the_oldest(self):
        store(position=b"\x77")
        begin_again(topic=TOPIC, now=NOW)
        begin_again(topic=TOPIC, now=NOW)

        assert "position_lost" in reasons()
        assert cursors.find_position(TOPIC) == b""

    def test_its_age_is_a_gauge(self, client):
        assert cursors.read_age_seconds(now=NOW) == 0
        store(now=NOW)
        assert cursors.read_age_seconds(now=NOW + timedelta(seconds=90)) == 90

        assert "connector_cursor_age_seconds" in client.get("/metrics").content.decode()
