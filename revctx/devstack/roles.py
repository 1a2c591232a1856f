"""The database roles, and what each may do by default.

The owner migrates; the app role works and owns nothing; the laboratory and the auditor start
with nothing but the right to connect. Migrations grant what goes beyond that.
"""

from collections.abc import Mapping

import psycopg
from psycopg import sql

DATABASE = "revctx"
OWNER, APP, LAB, AUDITOR = "revctx_owner", "revctx_app", "revctx_lab", "revctx_auditor"
ROLES = (OWNER, APP, LAB, AUDITOR)
URL_VARIABLES = {
    "DATABASE_URL": APP,
    "OWNER_DATABASE_URL": OWNER,
    "LAB_DATABASE_URL": LAB,
    "AUDITOR_DATABASE_URL": AUDITOR,
}

CREATE_ROLE = """
CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {password}
"""
SET_PASSWORD = "ALTER ROLE {role} PASSWORD {password}"  # noqa: S105

IN_DATABASE = """
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app};
GRANT CONNECT ON DATABASE {database} TO {lab}, {auditor};
ALTER SCHEMA public OWNER TO {owner};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {app}, {lab}, {auditor};
GRANT pg_read_all_stats TO {app};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO {app};
"""
ALLOW_REPLICA_ROLE = "GRANT SET ON PARAMETER session_replication_role TO {owner}"


def _names() -> dict[str, sql.Composable]:
    return {
        "owner": sql.Identifier(OWNER),
        "app": sql.Identifier(APP),
        "lab": sql.Identifier(LAB),
        "auditor": sql.Identifier(AUDITOR),
        "database": sql.Identifier(DATABASE),
    }


def ensure_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Create what is missing of the roles and set their passwords; needs a superuser."""
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)])
    present = {row[0] for row in rows}
    for role in ROLES:
        statement = SET_PASSWORD if role in present else CREATE_ROLE
        connection.execute(
            sql.SQL(statement).format(role=sql.Identifier(role), password=sql.Literal(passwords[role]))
        )


def ensure_database(connection: psycopg.Connection) -> bool:
    """Create the database if it is missing; return whether it was. Needs autocommit."""
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
        return False
    names = _names()
    connection.execute(
        sql.SQL("CREATE DATABASE {database} OWNER {owner} TEMPLATE template0").format(
            database=names["database"], owner=names["owner"]
        )
    )
    return True


def grant_defaults(connection: psycopg.Connection, *, for_tests: bool) -> None:
    """Set ownership and default privileges inside the database; needs a superuser, repeatable.

    In test clusters the owner may also switch triggers off, which the reset between tests needs.
    """
    text = IN_DATABASE + (ALLOW_REPLICA_ROLE if for_tests else "")
    connection.execute(sql.SQL(text).format(**_names()))
