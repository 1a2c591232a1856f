from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from compliance import audit
from compliance.models import AuditLog
from compliance.tests.factories import NOW
from revctx.observability import registry
from revctx.observability.context import bind_request_id

ROW = (
    "(occurred_at, name, actor, target_type, target_id, request_id, payload)"
    " VALUES (now(), 'a.b', 'user:1', 't', '', '', '{{}}')"
)


def make_entry(**changes):
    fields = {
        "name": "consent.granted",
        "actor": "user:7",
        "target_type": "subject",
        "target_id": str(uuid4()),
        "at": NOW,
    }
    return audit.AuditEntry(**(fields | changes))


@pytest.mark.django_db
class TestRecord:
    def test_stores_what_was_given_under_the_database_s_own_clock_and_transaction(self):
        account_id = uuid4()
        with bind_request_id("trace-1"):
            entry = make_entry(
                payload={"number": 3, "ok": True, "none": None, "ratio": 0.5}, account_id=account_id
            )

        before = datetime.now(tz=UTC)
        audit.record([entry])

        row = AuditLog.objects.get(target_id=entry.target_id)
        assert (row.name, row.actor, row.request_id, row.account_id) == (
            "consent.granted",
            "user:7",
            "trace-1",
            account_id,
        )
        assert row.payload == {"number": 3, "ok": True, "none": None, "ratio": 0.5}
        assert row.occurred_at == NOW
        assert abs((row.recorded_at - before).total_seconds()) < 60
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            assert row.txid == cursor.fetchone()[0]

    def test_writes_many_entries_in_one_statement_and_their_copies_in_another(
        self, django_assert_num_queries
    ):
        entries = [make_entry() for _ in range(500)]

        with django_assert_num_queries(2):
            audit.record(entries)

        assert AuditLog.objects.filter(target_id__in=[e.target_id for e in entries]).count() == 500

    def test_disappears_with_the_transaction_that_it_records(self):
        entry = make_entry()

        with transaction.atomic():
            audit.record([entry])
            transaction.set_rollback(True)

        assert not AuditLog.objects.filter(target_id=entry.target_id).exists()

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": "consent.forgotten"},
            {"actor": "ada"},
            {"actor": "user:ada@northwind.example"},
            {"target_id": "ada@northwind.example"},
            {"request_id": "ada@northwind.example"},
            {"at": datetime(2026, 1, 1)},
            {"payload": {"note": "write to ada@northwind.example please"}},
            {"payload": {"Bad Key": 1}},
            {"payload": {"list": [1]}},
            {"payload": {"map": {"a": 1}}},
            {"payload": {"when": NOW}},
            {"payload": {"ratio": float("nan")}},
            {"payload": {"text": "x" * 5000}},
            {"payload": {"text": "a\x00b"}},
        ],
    )
    def test_refuses_an_entry_that_breaks_the_rules_and_then_writes_none(self, changes):
        good, bad = make_entry(), make_entry(**changes)

        with pytest.raises(audit.AuditRefused) as refusal:
            audit.record([good, bad])

        assert "northwind" not in str(refusal.value)
        assert not AuditLog.objects.filter(target_id=good.target_id).exists()

    def test_is_what_the_layers_below_write_through(self):
        target_id = str(uuid4())

        registry.record_audit(
            name="consent.granted", actor="system:relay", target_type="subject", target_id=target_id, at=NOW
        )

        assert AuditLog.objects.get(target_id=target_id).actor == "system:relay"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_recorded_outside_a_transaction():
    with pytest.raises(RuntimeError, match="inside the transaction"):
        audit.record([make_entry()])

    assert not AuditLog.objects.exists()


class TestRegisterTransitions:
    def test_refuses_malformed_names_and_names_of_another_app(self):
        with pytest.raises(ValueError, match="participle"):
            audit.register_transitions("compliance", ["Consent"])
        with pytest.raises(ValueError, match="registered by compliance"):
            audit.register_transitions("signals", ["consent.granted"])


@pytest.mark.django_db(transaction=True)
class TestAppendOnly:
    @pytest.fixture
    def tables(self):
        """Return the parent and this month's partition, with one row in them."""
        with transaction.atomic():
            audit.record([make_entry()])
        with connection.cursor() as cursor:
            cursor.execute("SELECT tableoid::regclass::text FROM audit_logs")
            return ["audit_logs", cursor.fetchone()[0]]

    @pytest.mark.parametrize("role", ["default", "owner"])
    @pytest.mark.parametrize(
        "change",
        ["UPDATE {} SET actor = 'user:0'", "DELETE FROM {}", "TRUNCATE {}"],
        ids=["update", "delete", "truncate"],
    )
    def test_no_change_passes_on_parent_or_partition(self, tables, connect, role, change):
        session = connect(role)

        for table in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(change.format(table))

        assert AuditLog.objects.count() == 1

    def test_not_even_with_ordinary_triggers_switched_off(self, tables, services):
        with services.postgres.connect_superuser() as session:
            session.autocommit = True
            session.execute("SET session_replication_role = replica")
            for table in tables:
                for change in ("UPDATE {} SET actor = 'user:0'", "DELETE FROM {}", "TRUNCATE {}"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                        session.execute(change.format(table))

    @pytest.mark.parametrize(
        "attempt",
        [
            "ALTER TABLE audit_logs DISABLE TRIGGER ALL",
            "DROP TABLE {}",
            "ALTER TABLE audit_logs DETACH PARTITION {}",
            "CREATE TRIGGER t BEFORE INSERT ON audit_logs EXECUTE FUNCTION revctx_refuse_change()",
            "UPDATE audit_events SET actor = 'user:0'",
            "DELETE FROM audit_events",
            f"INSERT INTO audit_events {ROW}",
            f"INSERT INTO {{}} {ROW}",
            f"INSERT INTO audit_logs {ROW.replace('(', '(recorded_at, ', 1).replace('(n', '(now(), n', 1)}",
            f"INSERT INTO audit_logs {ROW.replace('(', '(txid, ', 1).replace('(n', '(1, n', 1)}",
            "INSERT INTO revctx_partitioned_tables VALUES ('auth_user', false, 1)",
            "SELECT revctx_make_append_only('auth_user')",
        ],
    )
    def test_the_application_cannot_work_around_it(self, tables, connect, attempt):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connect("default").execute(attempt.format(tables[1]))

    def test_the_auditor_reads_the_log_and_its_view_and_nothing_personal(self, tables, connect):
        auditor = connect("auditor")

        assert auditor.execute("SELECT count(*) FROM audit_logs").fetchone() == (1,)
        assert auditor.execute("SELECT count(*) FROM audit_events").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            auditor.execute("SELECT * FROM subjects")
