"""Dump the database into a file, and restore it beside itself, as an operator would."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from revctx.devstack.postgres import SUPERUSER, program_folder
from revctx.devstack.services import ThrowawayServices


def dump(services: ThrowawayServices, path: Path) -> None:
    """Write the database as SQL into a file."""
    with path.open("wb") as file:
        _run(services, "pg_dump", "revctx", stdout=file)


@contextmanager
def restored(
    services: ThrowawayServices, path: Path, *, name: str = "restored"
) -> Iterator[psycopg.Connection]:
    """Restore a dump into a database of its own; give the superuser's session there, drop it at the end."""
    with services.postgres.connect_superuser() as superuser:
        superuser.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            _run(services, "psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(path), name)
            address = services.postgres.url(SUPERUSER, database=name)
            with psycopg.connect(address, autocommit=True) as session:
                yield session
        finally:
            superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _run(
    services: ThrowawayServices, program: str, *options: str, stdout: object = subprocess.DEVNULL
) -> None:
    environment = os.environ | {"PGPASSWORD": services.postgres.passwords[SUPERUSER]}
    server = ["-h", "127.0.0.1", "-p", str(services.postgres.port), "-U", SUPERUSER]
    command = [str(program_folder() / program), *server, *options]
    subprocess.run(command, env=environment, stdout=stdout, stderr=subprocess.PIPE, check=True)
