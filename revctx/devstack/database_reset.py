"""Bring a test database back to what the migrations left, append-only tables included.

Django's own flush truncates, which append-only triggers refuse, and forgets rows that migrations
wrote. This deletes what is there, triggers asleep, and copies the remembered rows back.
"""

from dataclasses import dataclass, field
from typing import LiteralString

import psycopg
from psycopg import sql

TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
ORDER BY 1, 2
"""
ALWAYS_TRIGGERS = """
SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgenabled = 'A' AND NOT t.tgisinternal AND n.nspname = %s AND c.relname = %s
"""
Table = tuple[str, str]


@dataclass
class DatabaseReset:
    """Remembers the rows of a freshly migrated database and restores them on demand.

    Works on a superuser's connection in autocommit; sequences go on counting.
    """

    connection: psycopg.Connection
    rows: dict[Table, bytes] = field(default_factory=dict)

    def remember(self) -> None:
        """Take the present rows of all tables as those to restore."""
        self._prepare()
        self.rows = {table: self._copy_out(table) for table in self._list_filled()}

    def use(self, connection: psycopg.Connection) -> None:
        """Go on with another connection, for a test has restarted the server."""
        self.connection.close()
        self.connection = connection
        self._prepare()

    def _prepare(self) -> None:
        self.connection.execute("SET session_replication_role = replica")
        self.connection.execute("SET lock_timeout = '10s'")

    def restore(self) -> None:
        """Make every table hold exactly the remembered rows."""
        with self.connection.transaction():
            for table in self._list_filled():
                if table not in self.rows or self._copy_out(table) != self.rows[table]:
                    self._empty(table)
            filled = set(self._list_filled())
            for table, content in self.rows.items():
                if table not in filled:
                    self._copy_in(table, content)

    def _empty(self, table: Table) -> None:
        """Delete all rows; the guards of append-only tables fire for everybody, so they are put to sleep."""
        guards = self.connection.execute(ALWAYS_TRIGGERS, [*table]).fetchall()
        for (guard,) in guards:
            self._alter(table, "DISABLE TRIGGER", guard)
        self.connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))
        for (guard,) in guards:
            self._alter(table, "ENABLE ALWAYS TRIGGER", guard)

    def _alter(self, table: Table, change: LiteralString, trigger: str) -> None:
        statement = sql.SQL("ALTER TABLE {} " + change + " {}")
        self.connection.execute(statement.format(sql.Identifier(*table), sql.Identifier(trigger)))

    def _list_filled(self) -> list[Table]:
        tables = [(row[0], row[1]) for row in self.connection.execute(TABLES)]
        if not tables:
            return []
        probe = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {number} WHERE EXISTS (SELECT FROM {table})").format(
                number=sql.Literal(number), table=sql.Identifier(*table)
            )
            for number, table in enumerate(tables)
        )
        return [tables[row[0]] for row in self.connection.execute(probe)]

    def _copy_out(self, table: Table) -> bytes:
        statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*table))
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            return b"".join(bytes(block) for block in copy)

    def _copy_in(self, table: Table, content: bytes) -> None:
        statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(*table))
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(content)
