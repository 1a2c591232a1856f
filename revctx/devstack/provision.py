"""Make the roles and the database on a PostgreSQL server that is not embedded.

    SUPERUSER_DATABASE_URL=… python -m revctx.devstack.provision

The passwords are those of `DATABASE_URL`, `OWNER_DATABASE_URL`, `LAB_DATABASE_URL` and
`AUDITOR_DATABASE_URL`. Repeatable: what exists stays, a changed password is set.
"""

import os
import sys
from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict

from revctx.devstack import roles

SUPERUSER_VARIABLE = "SUPERUSER_DATABASE_URL"


class WrongAddress(ValueError):
    """An address is missing, or names another role or database than the product's."""


def read_passwords(environment: Mapping[str, str]) -> dict[str, str]:
    """Return each role's password, as its address gives it.

    Raises:
        WrongAddress: an address is missing or does not fit its role.
    """
    passwords = {}
    for variable, role in roles.URL_VARIABLES.items():
        parts = conninfo_to_dict(environment.get(variable, ""))
        if (parts.get("user"), parts.get("dbname")) != (role, roles.DATABASE) or not parts.get("password"):
            raise WrongAddress(
                f"{variable} must name role {role}, its password and database {roles.DATABASE}."
            )
        passwords[role] = str(parts["password"])
    return passwords


def provision(environment: Mapping[str, str]) -> bool:
    """Make what is missing; return whether the database was made now.

    Raises:
        WrongAddress: an address is missing or does not fit its role.
    """
    passwords = read_passwords(environment)
    if not environment.get(SUPERUSER_VARIABLE):
        raise WrongAddress(f"{SUPERUSER_VARIABLE} is missing.")
    server = environment[SUPERUSER_VARIABLE]
    with psycopg.connect(server, autocommit=True) as connection:
        roles.ensure_roles(connection, passwords)
        created = roles.ensure_database(connection)
    with psycopg.connect(server, dbname=roles.DATABASE) as connection:
        roles.grant_defaults(connection, for_tests=False)
    return created


def main() -> int:
    """Provision from the environment."""
    try:
        created = provision(os.environ)
    except WrongAddress as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Roles are set; the database was {'made' if created else 'there'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
