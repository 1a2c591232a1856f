"""Monthly partitions and append-only tables on Django's stock PostgreSQL backend.

A migration that uses these operations depends on ``("compliance", "0001_initial")``, which installs the
SQL functions. There is no default partition: one stray row in it would block the month it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection, migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

MONTHS_AHEAD = 3
# Names of partitions are the guarded functions' own: table_y2026m11.
_OLD_MONTHS = """
SELECT month FROM (
    SELECT to_date(right(child.relname, 7), 'YYYY"m"MM') AS month, t.keep_months
    FROM revctx_partitioned_tables t
    JOIN pg_inherits i ON i.inhparent = to_regclass(t.table_name::text)
    JOIN pg_class child ON child.oid = i.inhrelid
    WHERE t.table_name = %(table)s
) AS months
WHERE (month + interval '1 month') AT TIME ZONE 'UTC' <= %(before)s
  AND month < date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => keep_months)
ORDER BY month
"""


class CreateMonthlyPartitionedModel(migrations.CreateModel):
    """Create a model's table partitioned by month of one timestamp, with the months 0 to +3.

    For Django the model keeps its single-column primary key; in the database the key is that column plus
    ``partition_key``, as PostgreSQL demands. ``keep_months`` is the age below which a partition cannot be
    dropped. ``append_only`` refuses UPDATE, DELETE and TRUNCATE on the parent and on every partition.
    """

    def __init__(
        self,
        name: str,
        fields: Sequence[tuple[str, Any]],
        options: dict[str, Any] | None = None,
        bases: Sequence[Any] | None = None,
        managers: Sequence[tuple[str, Any]] | None = None,
        *,
        partition_key: str,
        append_only: bool,
        keep_months: int,
    ) -> None:
        self.partition_key = partition_key
        self.append_only = append_only
        self.keep_months = keep_months
        super().__init__(name, list(fields), options, bases, managers)

    def deconstruct(self) -> Any:
        """Return the call that rebuilds this operation."""
        name, args, kwargs = super().deconstruct()
        kwargs |= {
            "partition_key": self.partition_key,
            "append_only": self.append_only,
            "keep_months": self.keep_months,
        }
        return name, args, kwargs

    def reduce(self, operation: Operation, app_label: str) -> bool | list[Operation]:
        """Refuse to be squashed into a plain CreateModel."""
        return False

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Create the parent, list it as partitioned and create its first partitions."""
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        key = model._meta.get_field(self.partition_key).column
        table = model._meta.db_table
        create_sql, parameters = schema_editor.table_sql(model)
        schema_editor.execute(_partitioned_sql(create_sql, model._meta.pk.column, key), parameters or None)
        # What create_model does after its own CREATE TABLE.
        schema_editor.deferred_sql.extend(schema_editor._model_indexes_sql(model))  # type: ignore[attr-defined]
        if self.append_only:
            schema_editor.execute("SELECT revctx_make_append_only(%s::regclass)", [table])
        schema_editor.execute(
            "INSERT INTO revctx_partitioned_tables VALUES (%s, %s, %s)",
            [table, self.append_only, self.keep_months],
        )
        schema_editor.execute(
            "SELECT revctx_create_month_partition(%s, "
            "(date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n))::date) "
            "FROM generate_series(0, %s) AS n",
            [table, MONTHS_AHEAD],
        )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the parent with its partitions and strike it off the list."""
        model = from_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        schema_editor.execute(
            "DELETE FROM revctx_partitioned_tables WHERE table_name = %s", [model._meta.db_table]
        )
        schema_editor.delete_model(model)


class MakeAppendOnly(Operation):
    """Refuse UPDATE, DELETE and TRUNCATE on the table of a model that exists already."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave Django's state alone: the model's fields do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add the trigger and revoke the privileges."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute("SELECT revctx_make_append_only(%s::regclass)", [model._meta.db_table])

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Remove the trigger and give the privileges back."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        table = schema_editor.quote_name(model._meta.db_table)
        schema_editor.execute(f"DROP TRIGGER revctx_append_only ON {table}")
        schema_editor.execute(f"GRANT UPDATE, DELETE ON {table} TO revctx_app")

    def describe(self) -> str:
        """Return the line that ``migrate`` prints."""
        return f"Make {self.model_name} append-only"


def create_partitions(*, now: datetime, months_ahead: int = MONTHS_AHEAD) -> list[str]:
    """Create the partitions of every partitioned table for this month (UTC) and the months ahead.

    Idempotent. Returns the names of the tables' months that were created, as ``table 2026-11``.
    ``months_ahead`` is 0 to 24.
    """
    months = list_months(now=now, months_ahead=months_ahead)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name::text, month, revctx_create_month_partition(table_name::text, month) "
            "FROM revctx_partitioned_tables, unnest(%s::date[]) AS month ORDER BY table_name, month",
            [months],
        )
        return [f"{table} {month:%Y-%m}" for table, month, is_new in cursor.fetchall() if is_new]


def drop_partitions(*, table: str, before: datetime) -> int:
    """Drop a table's months that end by ``before``, through the owner's guarded function; return how many.

    Months younger than the table's own floor are left alone.
    """
    months = list_old_months(table=table, before=before)
    with connection.cursor() as cursor:
        for month in months:
            cursor.execute("SELECT revctx_drop_month_partition(%s, %s)", [table, month])
    return len(months)


def list_old_months(*, table: str, before: datetime) -> list[date]:
    """Return the first days of a table's months that end by ``before`` and are older than its floor."""
    with connection.cursor() as cursor:
        cursor.execute(_OLD_MONTHS, {"table": table, "before": before})
        return [month for (month,) in cursor.fetchall()]


def list_months(*, now: datetime, months_ahead: int) -> list[date]:
    """Return the first days of the month of ``now`` (UTC) and of the months after it."""
    today = now.astimezone(UTC)
    first = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(first, first + months_ahead + 1)]


def _partitioned_sql(create_sql: str, pk_column: str, key_column: str) -> str:
    """Rewrite CREATE TABLE: the inline primary key becomes (pk, partition key), and PARTITION BY is added."""
    before, inline, after = create_sql.partition(" PRIMARY KEY")
    body, closing, _ = after.rpartition(")")
    if not inline or not closing:
        raise ValueError("expected CREATE TABLE with one inline primary key")
    return f'{before}{body}, PRIMARY KEY ("{pk_column}", "{key_column}")) PARTITION BY RANGE ("{key_column}")'
