"""The laboratory's role, walked through the catalogue and tried on the database itself."""

import psycopg
import pytest
from django.db import DatabaseError, connections, transaction

from laboratory.privileges import ALLOWED, list_excess, list_privileges

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab", "owner"])

FORBIDDEN = "42501"

WRITES = [
    "INSERT INTO public.audit_logs (name) VALUES ('x')",
    "UPDATE public.account_contexts SET intent_score = 99",
    "DELETE FROM public.signals",
    "TRUNCATE public.contexts_account",
    "MERGE INTO public.contexts_activeconfig a USING (SELECT 1) s ON false WHEN NOT MATCHED THEN DO NOTHING",
    "COPY public.signals FROM STDIN",
    "CREATE TABLE public.mine (id int)",
    "CREATE TABLE lab.mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "ALTER TABLE public.signals ADD COLUMN mine int",
    "DROP VIEW lab.signal_view",
    "GRANT SELECT ON public.signals TO revctx_lab",
    "SET ROLE revctx_app",
    "SELECT nextval('public.contexts_ledgerentry_id_seq')",
    "LOCK TABLE public.signals IN ROW EXCLUSIVE MODE",
    "SELECT public.revctx_create_month_partition('signals', '2031-01-01')",
    "INSERT INTO lab.experiment (name) VALUES ('x')",
    "UPDATE lab.experiment SET name = 'x'",
    "UPDATE lab.promotion SET state = 'approved'",
    "UPDATE lab.run SET requested_by = 1",
    "UPDATE lab.signal_view SET strength = 1",
    "DELETE FROM lab.run",
    "DELETE FROM lab.crossing_decision",
]
READS = [
    "SELECT sealed FROM public.signals",
    "SELECT * FROM public.subjects",
    "SELECT * FROM public.contexts_contact",
    "SELECT * FROM public.audit_logs",
    "SELECT * FROM public.contexts_identitymerge",
    "SELECT actor FROM public.contexts_retraction",
    "SELECT * FROM public.subject_links",
    "SELECT * FROM public.auth_user",
    "SELECT * FROM lab.promotion",
]


def refusal(statement: str) -> str | None:
    """Return the SQLSTATE with which the laboratory's role is refused."""
    lab = connections["lab"]
    with lab.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
    try:
        with transaction.atomic(using="lab"), lab.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        cause = error.__cause__
        assert isinstance(cause, psycopg.Error)
        return cause.sqlstate
    return None


class TestRefusals:
    @pytest.mark.parametrize("statement", WRITES)
    def test_every_way_to_write_is_refused(self, statement):
        assert refusal(statement) == FORBIDDEN

    @pytest.mark.parametrize("statement", READS)
    def test_so_is_reading_past_the_views(self, statement):
        assert refusal(statement) == FORBIDDEN

    def test_the_views_can_be_read(self):
        views = ("signal", "ledger", "account", "retraction", "merge")
        assert [refusal(f"SELECT * FROM lab.{view}_view") for view in views] == [None] * len(views)

    def test_the_views_show_nothing_sealed_and_no_name(self):
        with connections["lab"].cursor() as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                "WHERE attnum > 0 AND relkind = 'v' AND relnamespace = 'lab'::regnamespace"
            )
            columns = {row[0] for row in cursor.fetchall()}

        assert not columns & {"sealed", "account", "name", "request_id", "fact_sources", "actor", "reason"}


class TestWalk:
    def test_the_role_may_do_what_it_needs_and_nothing_else(self):
        assert list_privileges(connections["lab"]) == ALLOWED

    @pytest.mark.parametrize(
        ("grant", "found"),
        [
            ("GRANT SELECT ON public.signals TO revctx_lab", ("table", "public.signals", "SELECT")),
            (
                "GRANT UPDATE (name) ON public.contexts_account TO PUBLIC",
                ("table", "public.contexts_account", "UPDATE"),
            ),
            (
                "GRANT USAGE ON SEQUENCE public.contexts_accountalias_id_seq TO revctx_lab",
                ("sequence", "public.contexts_accountalias_id_seq", "USAGE"),
            ),
            ("GRANT CREATE ON SCHEMA lab TO revctx_lab", ("schema", "lab", "CREATE")),
            (
                "CREATE FUNCTION lab.mine() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
                ("definer function", "lab.mine", "EXECUTE"),
            ),
        ],
    )
    def test_one_privilege_too_many_is_found(self, grant, found):
        owner = connections["owner"]
        with transaction.atomic(using="owner"), owner.cursor() as cursor:
            cursor.execute(grant)
            excess = list_excess(owner)
            transaction.set_rollback(True, using="owner")

        assert excess == [found]
        assert list_excess(owner) == []


class TestAppRole:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE lab.experiment SET name = 'x'",
            "UPDATE lab.run SET metrics = NULL",
            "UPDATE lab.promotion SET proposer = 1",
            "INSERT INTO lab.crossing_decision (arm) VALUES ('champion')",
            "DELETE FROM lab.run",
            "TRUNCATE lab.promotion",
        ],
    )
    def test_the_web_process_changes_neither_definitions_nor_results(self, statement):
        with pytest.raises(DatabaseError) as refused, connections["default"].cursor() as cursor:
            cursor.execute(statement)

        assert refused.value.__cause__.sqlstate == FORBIDDEN
