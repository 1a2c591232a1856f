"""Storing signals through the public service, on the real database."""

import dataclasses
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction

from compliance import erasure, subjects
from revctx.eventbus.models import OutboxEvent
from signals.contracts import PersonDraft
from signals.digests import row_digest
from signals.models import Signal
from signals.normalization import InvalidDraft
from signals.selectors import get_signal, list_conflicts, list_scorable
from signals.services.ingest import ingest_signals
from signals.services.opening import open_signals
from signals.tests.factories import PersonDraftFactory, SignalDraftFactory

pytestmark = pytest.mark.django_db
ACTOR = "system:test"


def _now():
    return datetime.now(UTC)


def _ingest(*drafts, now=None):
    return ingest_signals(drafts=drafts, actor=ACTOR, now=now or _now())


def _audit_rows(target_id: UUID):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, payload->>'sha256' FROM audit_logs WHERE target_id = %s", [str(target_id)]
        )
        return cursor.fetchall()


def _raw_rows():
    """Return everything that the signal tables and the outbox hold, as one text."""
    texts = []
    with connection.cursor() as cursor:
        for table in ("signals", "signal_keys", "signal_conflicts", OutboxEvent._meta.db_table, "audit_logs"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            texts += [text for (text,) in cursor.fetchall()]
    return "\n".join(texts)


class TestNewSignal:
    def test_is_stored_announced_and_audited_in_one_transaction(self):
        draft = SignalDraftFactory(account={"domain": "Acme.Test", "crm_id": "001A"}, attributes={"count": 3})

        [result] = _ingest(draft)

        assert result.status == "accepted"
        row = get_signal(signal_id=result.signal_id)
        assert (row.type, row.source, row.attributes) == ("pricing_page_view", "web", {"count": 3})
        assert row.account == {"crm_id": "001A", "domain": "acme.test"}
        [event] = OutboxEvent.objects.filter(type="signal.ingested")
        assert (event.type, event.key) == ("signal.ingested", "001A")
        assert event.data == {"signal_id": str(row.id), "source": "web", "type": "pricing_page_view"}
        assert [name for name, _ in _audit_rows(row.id)] == ["signal.ingested"]

    def test_audit_digest_covers_the_row_as_the_database_holds_it(self):
        draft = SignalDraftFactory(
            with_person=True,
            type="opportunity_won",
            strength=2.5,
            attributes={"value": 1054.0, "stage": "closed_won", "count": 0.1, "product": "Nobody's"},
        )

        [result] = _ingest(draft)

        stored = Signal.objects.get(id=result.signal_id)
        assert _audit_rows(result.signal_id) == [("signal.ingested", row_digest(stored))]

    def test_nothing_remains_when_the_transaction_fails(self):
        with transaction.atomic():
            _ingest(SignalDraftFactory())
            transaction.set_rollback(True)

        assert not Signal.objects.exists()
        assert not OutboxEvent.objects.exists()

    def test_one_bad_draft_stores_none(self):
        with pytest.raises(InvalidDraft):
            _ingest(SignalDraftFactory(), SignalDraftFactory(type="horoscope"))

        assert not Signal.objects.exists()

    def test_costs_the_same_number_of_queries_for_one_and_for_many(self, django_assert_max_num_queries):
        with django_assert_max_num_queries(20) as few:
            _ingest(SignalDraftFactory(with_person=True))
        with django_assert_max_num_queries(20) as many:
            _ingest(*SignalDraftFactory.build_batch(200, with_person=True))

        assert len(many) <= len(few)

    def test_a_clock_five_minutes_ahead_is_clamped_and_more_is_refused(self):
        now = _now()

        [result] = _ingest(SignalDraftFactory(occurred_at=now + timedelta(minutes=4)), now=now)

        assert get_signal(signal_id=result.signal_id).occurred_at == now
        with pytest.raises(InvalidDraft, match="ahead"):
            _ingest(SignalDraftFactory(occurred_at=now + timedelta(minutes=6)), now=now)


class TestMetrics:
    def _count(self, client, **labels):
        wanted = "".join(f'{name}="{labels[name]}"' for name in ("source", "status", "type"))
        for line in client.get("/metrics").content.decode().splitlines():
            if line.startswith("signals_processed_total{") and wanted in line.replace(",", ""):
                return float(line.rpartition(" ")[2])
        return 0.0

    def test_counts_what_was_committed_under_few_labels(self, client, django_capture_on_commit_callbacks):
        draft = SignalDraftFactory(source="a-source-of-somebody", type="trial_started")
        accepted = {"source": "other", "type": "trial_started", "status": "accepted"}
        duplicate = accepted | {"status": "duplicate"}
        before = self._count(client, **accepted), self._count(client, **duplicate)

        with django_capture_on_commit_callbacks(execute=True):
            _ingest(draft, draft)

        after = self._count(client, **accepted), self._count(client, **duplicate)
        assert after == (before[0] + 1, before[1] + 1)


class TestSealing:
    def test_only_catalogued_values_stay_readable(self):
        draft = SignalDraftFactory(
            type="opportunity_stage_changed",
            attributes={"stage": "Ask Jane Doe", "value": 10, "note": "Jane said yes"},
            sealed={"payload": {"Owner": "Jane Doe"}},
        )

        [result] = _ingest(draft)

        row = get_signal(signal_id=result.signal_id)
        assert row.attributes == {"stage": "unmapped", "value": 10, "opportunity": ANY}
        assert "Jane" not in _raw_rows()
        [opened] = open_signals(signal_ids=[row.id], actor=ACTOR, purpose="test", now=_now()).values()
        assert opened.content["attributes"] == {"stage": "Ask Jane Doe", "note": "Jane said yes"}
        assert opened.content["payload"] == {"Owner": "Jane Doe"}
        assert opened.external_id == draft.external_id

    def test_a_person_is_an_id_everywhere(self):
        person = PersonDraftFactory(email="Zoe.Quill@Customer.test", name="Zoe Quill", title="Chief Quill")

        [result] = _ingest(SignalDraftFactory(person=person, external_id="mail zoe.quill@customer.test"))

        row = get_signal(signal_id=result.signal_id)
        assert row.subject_id == subjects.find_subject(email="zoe.quill@customer.test")
        assert "quill" not in _raw_rows().lower()
        [opened] = open_signals(signal_ids=[row.id], actor=ACTOR, purpose="test", now=_now()).values()
        assert (opened.name, opened.title) == ("Zoe Quill", "Chief Quill")


class TestRepetition:
    def test_duplicate_answers_with_the_first_id_and_stores_nothing(self):
        draft = SignalDraftFactory(with_person=True)
        [first] = _ingest(draft)

        [second] = _ingest(draft)

        assert (second.status, second.signal_id) == ("duplicate", first.signal_id)
        assert Signal.objects.count() == OutboxEvent.objects.filter(type="signal.ingested").count() == 1

    def test_duplicate_within_one_call(self):
        draft = SignalDraftFactory()

        first, second = _ingest(draft, draft)

        assert (first.status, second.status) == ("accepted", "duplicate")
        assert second.signal_id == first.signal_id

    def test_same_key_of_another_source_is_another_event(self):
        _ingest(SignalDraftFactory(external_id="1", source="web"))

        [result] = _ingest(SignalDraftFactory(external_id="1", source="product"))

        assert result.status == "accepted"

    def test_a_time_of_ours_is_no_difference(self):
        draft = SignalDraftFactory(occurred_at_is_ours=True)
        _ingest(draft)

        [again] = _ingest(dataclasses.replace(draft, occurred_at=_now()))

        assert again.status == "duplicate"

    def test_a_spelling_of_the_address_is_no_difference(self):
        draft = SignalDraftFactory(person=PersonDraft(email="ada@bücher.test"))
        _ingest(draft)

        [again] = _ingest(dataclasses.replace(draft, person=PersonDraft(email=" ADA@xn--bcher-kva.test")))

        assert again.status == "duplicate"


class TestConflict:
    def test_another_version_is_kept_linked_and_never_scored(self):
        draft = SignalDraftFactory(attributes={"count": 1})
        [first] = _ingest(draft)

        [second] = _ingest(dataclasses.replace(draft, attributes={"count": 2}))

        assert second.status == "conflict"
        assert get_signal(signal_id=second.signal_id).conflicts_with == first.signal_id
        assert get_signal(signal_id=first.signal_id).attributes == {"count": 1}
        assert list_conflicts(signal_id=first.signal_id) == [second.signal_id]
        assert OutboxEvent.objects.filter(type="signal.ingested").count() == 1
        assert [s.id for s in list_scorable(signal_ids=[first.signal_id, second.signal_id])] == [
            first.signal_id
        ]
        assert [name for name, _ in _audit_rows(second.signal_id)] == ["signal.conflicted"]

    def test_the_same_other_version_is_a_duplicate_of_it(self):
        draft = SignalDraftFactory(attributes={"count": 1})
        _ingest(draft)
        other = dataclasses.replace(draft, attributes={"count": 2})
        [second] = _ingest(other)

        [third] = _ingest(other)

        assert (third.status, third.signal_id) == ("duplicate", second.signal_id)

    def test_another_person_is_another_version(self):
        draft = SignalDraftFactory(with_person=True)
        _ingest(draft)

        [second] = _ingest(dataclasses.replace(draft, person=PersonDraftFactory()))

        assert second.status == "conflict"

    def test_within_one_call(self):
        draft = SignalDraftFactory(attributes={"count": 1})
        other = dataclasses.replace(draft, attributes={"count": 2})

        results = _ingest(draft, other, other)

        assert [result.status for result in results] == ["accepted", "conflict", "duplicate"]
        assert Signal.objects.count() == 2


class TestErasedPerson:
    def _erase(self, email):
        subject_id = subjects.find_subject(email=email)
        erasure.erase(subject_id=subject_id, actor=ACTOR, now=_now())
        return subject_id

    def test_a_suppressed_address_leaves_an_account_level_signal(self):
        person = PersonDraftFactory(email="gone@customer.test", name="Gone Person")
        _ingest(SignalDraftFactory(person=person))
        self._erase(person.email)

        [result] = _ingest(
            SignalDraftFactory(
                person=person,
                external_id="mail-gone@customer.test",
                sealed={"payload": {"ContactPhone": "Gone Person 555"}},
                attributes={"note": "Gone Person called", "count": 2},
            )
        )

        row = get_signal(signal_id=result.signal_id)
        assert (result.status, row.subject_id, row.attributes) == ("accepted", None, {"count": 2})
        assert subjects.find_subject(email=person.email) is None
        [opened] = open_signals(signal_ids=[row.id], actor=ACTOR, purpose="test", now=_now()).values()
        assert (opened.name, opened.title, opened.external_id, opened.content) == ("", "", "", {})
        assert list_scorable(signal_ids=[row.id])[0].subject_id is None

    def test_a_repetition_from_before_the_erasure_stores_nothing(self):
        draft = SignalDraftFactory(with_person=True)
        [first] = _ingest(draft)
        self._erase(draft.person.email)

        [again] = _ingest(draft)

        assert (again.status, again.signal_id) == ("duplicate", first.signal_id)
        assert Signal.objects.count() == 1

    def test_a_repetition_from_after_the_erasure_is_a_duplicate(self):
        _ingest(SignalDraftFactory(person=PersonDraft(email="late@customer.test")))
        self._erase("late@customer.test")
        draft = SignalDraftFactory(person=PersonDraft(email="late@customer.test", name="Late"))
        [first] = _ingest(draft)

        [again] = _ingest(draft)

        assert (again.status, again.signal_id) == ("duplicate", first.signal_id)

    def test_the_sealed_part_of_an_erased_person_stays_shut(self):
        draft = SignalDraftFactory(with_person=True)
        [result] = _ingest(draft)
        self._erase(draft.person.email)

        opened = open_signals(signal_ids=[result.signal_id], actor=ACTOR, purpose="test", now=_now())

        assert opened == {}


class TestAppendOnly:
    @pytest.mark.parametrize("table", ["signals", "signal_keys", "signal_conflicts"])
    @pytest.mark.parametrize(
        "statement", ["UPDATE {} SET received_at = now()", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
    )
    def test_the_app_role_can_not_change_what_is_stored(self, table, statement):
        _ingest(SignalDraftFactory())

        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(table))

    def test_nor_one_partition(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent='signals'::regclass"
            )
            partition = cursor.fetchall()[0][0]

        for statement in (f"DELETE FROM {partition}", f"TRUNCATE {partition}", f"DROP TABLE {partition}"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)

    @pytest.mark.django_db(databases=["default", "owner"])
    @pytest.mark.parametrize(
        "statement", ["UPDATE signals SET strength = 9", "DELETE FROM signals", "TRUNCATE signals"]
    )
    def test_nor_can_the_owner(self, statement):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(using="owner"),
            connections["owner"].cursor() as cursor,
        ):
            cursor.execute(statement)
