from datetime import UTC, date, datetime
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader

from compliance import tasks
from compliance.partitions import CreateMonthlyPartitionedModel, create_partitions, list_months

PARTITIONS = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass ORDER BY 1
"""


def list_partitions(table="audit_logs"):
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS, [table])
        return dict(cursor.fetchall())


class TestListMonths:
    def test_counts_on_over_the_year_s_end(self):
        now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)

        assert list_months(now=now, months_ahead=3) == [
            date(2026, 11, 1),
            date(2026, 12, 1),
            date(2027, 1, 1),
            date(2027, 2, 1),
        ]

    def test_takes_the_month_in_utc(self):
        assert list_months(now=datetime.fromisoformat("2026-12-01T01:00+02:00"), months_ahead=0) == [
            date(2026, 11, 1)
        ]


@pytest.mark.django_db
class TestCreatePartitions:
    def test_migrations_left_this_month_and_three_ahead_in_utc(self):
        months = list_months(now=datetime.now(tz=UTC), months_ahead=3)

        partitions = list_partitions()

        assert list(partitions)[:4] == [f"audit_logs_y{m:%Y}m{m:%m}" for m in months]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL timezone = 'UTC'")
        bounds = list(list_partitions().values())
        assert bounds[0] == (f"FOR VALUES FROM ('{months[0]} 00:00:00+00') TO ('{months[1]} 00:00:00+00')")

    def test_creates_every_parent_s_months_once(self):
        now = datetime(2027, 10, 5, tzinfo=UTC)

        created = create_partitions(now=now, months_ahead=1)

        assert {"audit_logs 2027-10", "audit_logs 2027-11", "signals 2027-10", "signals 2027-11"} <= set(
            created
        )
        assert create_partitions(now=now, months_ahead=1) == []
        assert "audit_logs_y2027m11" in list_partitions()

    def test_a_new_partition_has_its_parent_s_indexes_and_guard(self):
        create_partitions(now=datetime(2027, 10, 5, tzinfo=UTC), months_ahead=0)

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT count(*) FROM pg_index WHERE indrelid = 'audit_logs_y2027m10'::regclass),"
                " (SELECT count(*) FROM pg_index WHERE indrelid = 'audit_logs'::regclass)"
            )
            own, parents = cursor.fetchone()
            assert own == parents == 8
            cursor.execute(
                "SELECT tgname, tgenabled FROM pg_trigger"
                " WHERE tgrelid = 'audit_logs_y2027m10'::regclass AND NOT tgisinternal"
            )
            assert cursor.fetchall() == [("revctx_append_only", "A")]

    def test_the_task_creates_what_is_missing(self):
        assert tasks.create_partitions() == 0

    def test_the_command_says_what_it_did(self):
        first, second = StringIO(), StringIO()

        call_command("create_audit_partitions", months_ahead=5, stdout=first)
        call_command("create_audit_partitions", months_ahead=5, stdout=second)

        assert "created audit_logs " in first.getvalue()
        assert second.getvalue() == "Nothing missing.\n"

    @pytest.mark.parametrize("months_ahead", [-1, 25])
    def test_the_command_refuses_foolish_distances(self, months_ahead):
        with pytest.raises(CommandError):
            call_command("create_audit_partitions", months_ahead=months_ahead)


class TestPartitionFunctions:
    @pytest.mark.parametrize(
        "call",
        [
            "revctx_create_month_partition('auth_user', '2026-12-01')",
            "revctx_create_month_partition('audit_logs; DROP TABLE subjects', '2026-12-01')",
            "revctx_drop_month_partition('auth_user', '2010-01-01')",
            "revctx_drop_month_partition('audit_logs', now()::date)",
            "revctx_drop_month_partition('audit_logs', (now() - interval '80 months')::date)",
            "revctx_drop_month_partition('audit_logs', NULL)",
        ],
    )
    @pytest.mark.django_db
    def test_the_application_cannot_misuse_them(self, connect, call):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connect("default").execute(f"SELECT {call}")

    @pytest.mark.parametrize("month", ["NULL", "'1999-12-01'", "(now() + interval '26 months')::date"])
    @pytest.mark.django_db
    def test_a_month_far_off_is_refused(self, connect, month):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connect("default").execute(f"SELECT revctx_create_month_partition('audit_logs', {month})")

    @pytest.mark.parametrize("role", ["lab", "auditor"])
    @pytest.mark.django_db
    def test_other_roles_cannot_call_them(self, connect, role):
        for function in ("revctx_create_month_partition", "revctx_drop_month_partition"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connect(role).execute(f"SELECT {function}('audit_logs', '2010-01-01')")

    @pytest.mark.django_db
    def test_a_month_beyond_retention_is_dropped_whole(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT revctx_create_month_partition('audit_logs', '2010-03-01')")
            assert "audit_logs_y2010m03" in list_partitions()
            cursor.execute("SELECT revctx_drop_month_partition('audit_logs', '2010-03-15')")
            assert cursor.fetchone() == (True,)
            cursor.execute("SELECT revctx_drop_month_partition('audit_logs', '2010-03-15')")
            assert cursor.fetchone() == (False,)

        assert "audit_logs_y2010m03" not in list_partitions()

    @pytest.mark.django_db
    def test_search_path_is_pinned_and_both_belong_to_the_owner(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_proc WHERE prosecdef AND proname LIKE 'revctx_%_month_partition'"
                " AND proconfig = '{\"search_path=pg_catalog, pg_temp\"}'"
                " AND proowner = 'revctx_owner'::regrole"
            )
            assert cursor.fetchone() == (2,)


@pytest.mark.django_db(databases=["default", "owner"])
def test_creating_the_log_can_be_undone_and_redone():
    loader = MigrationLoader(None)
    after = loader.project_state([("compliance", "0001_initial")])
    before = loader.project_state([])
    operations = loader.get_migration("compliance", "0001_initial").operations
    creation = next(o for o in operations if isinstance(o, CreateMonthlyPartitionedModel))

    with connections["owner"].schema_editor() as editor:
        editor.execute("DROP VIEW audit_events")
        creation.database_backwards("compliance", editor, after, before)
        creation.database_forwards("compliance", editor, before, after)

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass")
        assert cursor.fetchone() == (4,)


@pytest.mark.django_db
class TestCatalogue:
    """What holds for every table and function of its kind, whoever adds the next one."""

    def test_the_application_changes_no_append_only_table_and_no_partition_of_one(self, connect):
        session = connect("default")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT t.relid::regclass::text FROM revctx_partitioned_tables p,"
                " pg_partition_tree(p.table_name::text::regclass) t WHERE p.append_only ORDER BY 1"
            )
            tables = [name for (name,) in cursor.fetchall()]
        assert {"audit_logs", "signals", f"signals_y{datetime.now(UTC):%Ym%m}"} <= set(tables)

        for table in tables:
            for change in ("UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(change.format(table))

    def test_every_function_pins_its_search_path_and_none_with_rights_is_for_everybody(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                " AND (proname LIKE 'revctx%' OR proname LIKE 'orchestration%' OR prosecdef)"
                " AND ('search_path=pg_catalog, pg_temp' = ANY (proconfig)) IS NOT TRUE"
            )
            assert cursor.fetchall() == []
            cursor.execute(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
                " AND has_function_privilege('public', oid, 'EXECUTE')"
            )
            assert cursor.fetchall() == []
