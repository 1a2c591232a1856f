"""What the laboratory's database role may do, and the proof that it may do nothing else.

The walk goes through the catalogue instead of a list of known tables, so a table or a function
that somebody adds tomorrow is covered by it.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

LAB_ROLE = "revctx_lab"

Privilege = tuple[str, str, str]  # kind, object, privilege

# Everything that the laboratory needs. UPDATE on lab.run is given column by column.
ALLOWED: frozenset[Privilege] = frozenset(
    {
        ("schema", "lab", "USAGE"),
        ("schema", "public", "USAGE"),
        ("table", "lab.signal_view", "SELECT"),
        ("table", "lab.ledger_view", "SELECT"),
        ("table", "lab.account_view", "SELECT"),
        ("table", "lab.retraction_view", "SELECT"),
        ("table", "lab.merge_view", "SELECT"),
        ("table", "lab.experiment", "SELECT"),
        ("table", "lab.run", "SELECT"),
        ("table", "lab.run", "UPDATE"),
        ("table", "lab.crossing_decision", "SELECT"),
        ("table", "lab.crossing_decision", "INSERT"),
    }
)

_WALK = """
WITH spaces AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relations AS (
    SELECT c.oid, s.nspname || '.' || c.relname AS name, c.relkind
    FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace
)
SELECT 'table', name, privilege FROM relations,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])
        AS privilege
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND (
    has_table_privilege(%(role)s, oid, privilege)
    OR privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        AND has_any_column_privilege(%(role)s, oid, privilege))
UNION ALL
SELECT 'sequence', name, privilege FROM relations, unnest(ARRAY['SELECT', 'USAGE', 'UPDATE']) AS privilege
WHERE relkind = 'S' AND has_sequence_privilege(%(role)s, oid, privilege)
UNION ALL
SELECT 'schema', nspname, privilege FROM spaces, unnest(ARRAY['USAGE', 'CREATE']) AS privilege
WHERE has_schema_privilege(%(role)s, oid, privilege)
UNION ALL
SELECT 'database', current_database(), privilege FROM unnest(ARRAY['CREATE', 'TEMPORARY']) AS privilege
WHERE has_database_privilege(%(role)s, current_database(), privilege)
UNION ALL
SELECT 'definer function', s.nspname || '.' || p.proname, 'EXECUTE'
FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace
WHERE p.prosecdef AND has_function_privilege(%(role)s, p.oid, 'EXECUTE')
UNION ALL
SELECT 'membership', r.rolname, 'MEMBER' FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = %(role)s)
UNION ALL
SELECT 'role', rolname, attribute FROM pg_roles, LATERAL (VALUES ('SUPERUSER', rolsuper),
    ('CREATEDB', rolcreatedb), ('CREATEROLE', rolcreaterole), ('REPLICATION', rolreplication),
    ('BYPASSRLS', rolbypassrls)) AS attributes(attribute, held)
WHERE rolname = %(role)s AND held
UNION ALL
SELECT 'owned', name, 'OWNER' FROM relations JOIN pg_class USING (oid)
WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = %(role)s)
"""


def list_privileges(connection: BaseDatabaseWrapper, *, role: str = LAB_ROLE) -> set[Privilege]:
    """Return every privilege of a role outside PostgreSQL's own catalogue, PUBLIC's included."""
    with connection.cursor() as cursor:
        cursor.execute(_WALK, {"role": role})
        return {(row[0], row[1], row[2]) for row in cursor.fetchall()}


def list_excess(connection: BaseDatabaseWrapper) -> list[Privilege]:
    """Return what the laboratory's role may do beyond its list, sorted; empty when all is well."""
    return sorted(list_privileges(connection) - ALLOWED)
