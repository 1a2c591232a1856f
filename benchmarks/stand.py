"""Where a measure stands: embedded servers with production's durability, and the product's own processes.

Nothing of `make run` is used or touched. PostgreSQL writes with fsync, on the disk of the checkout (as root:
below `/var/lib`), never on a temporary file system, where a commit would cost nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import django
import psycopg
import redis

from revctx.devstack import children, roles
from revctx.devstack.broker import Broker
from revctx.devstack.paths import PROJECT_ROOT, STATE_FOLDER, postgres_folder
from revctx.devstack.ports import free_ports, wait_until
from revctx.devstack.postgres import PostgresServer
from revctx.devstack.processes import list_processes
from revctx.devstack.redis import RedisServer
from revctx.devstack.services import ThrowawayServices, new_passwords
from revctx.devstack.static_env import static_environment
from revctx.garbage import spare_loaded_code

FOLDERS = STATE_FOLDER / "bench"
PRISTINE = "revctx_pristine"  # the migrated database that every measure gets a copy of
EMBEDDED_RELAY_AHEAD = "2000"  # events a partition; the embedded broker forgets beyond that
START_SECONDS = 60


class Sizes(NamedTuple):
    """Sizes that somebody asked for instead of a measure's own."""

    events: int | None = None
    signals: int | None = None
    accounts: int | None = None


class Stand:
    """Servers for one run; ``reset`` gives each measure a fresh database and empty anchors.

    ``small`` asks the measures for sizes that show that they work, not how fast the product is, and spares
    itself the fsync. A broker named by ``given_broker`` is used instead of the embedded one.
    """

    def __init__(self, *, small: bool = False, sizes: Sizes | None = None, given_broker: str = "") -> None:
        self.small, self.given_broker = small, given_broker
        self.sizes = sizes or Sizes()
        self.folder = FOLDERS / str(os.getpid())
        self.postgres, self.redis = _make_servers(self.folder, durable=not small)
        self.broker: Broker | None = None
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def anchors_folder(self) -> Path:
        """Return where the sealer of this stand anchors."""
        return self.folder / "anchors"

    def __enter__(self) -> Self:
        remove_dead()
        self.folder.mkdir(parents=True)
        (self.folder / "metrics").mkdir()
        self.postgres.begin()
        self.redis.start()
        self.postgres.wait()
        os.environ.update(self.environment())
        django.setup()
        self._migrate()
        spare_loaded_code()  # measures call services in this process, as a worker would
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()
        for server in (self.broker, self.redis, self.postgres):
            if server is not None:
                server.stop()
        _remove(self.folder)

    def environment(self) -> dict[str, str]:
        """Return the environment of the product's processes: production's profile on these servers."""
        servers = ThrowawayServices(postgres=self.postgres, redis=self.redis, broker=self.broker)
        given = {"KAFKA_BOOTSTRAP_SERVERS": self.given_broker} if self.given_broker else {}
        return {
            **os.environ,
            **static_environment(),
            "REVCTX_PROFILE": "production",
            "AUDIT_ANCHOR_DIR": str(self.anchors_folder),
            "PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics"),
            "RELAY_MAX_AHEAD": "0" if self.given_broker else EMBEDDED_RELAY_AHEAD,
            # Nobody drafts here, so the other group's items stay open; its bridge must not stop for them.
            "BRIDGE_MAX_OPEN_ITEMS": "1000000",
            **servers.environment(),
            **given,
        }

    def reset(self, *, with_broker: bool) -> None:
        """Stop the product's processes and give the next measure empty servers."""
        from django.core.management import call_command
        from django.db import connections

        self.stop_all()
        connections.close_all()
        with self.postgres.connect_superuser(database="postgres") as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {roles.DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {roles.DATABASE} TEMPLATE {PRISTINE} OWNER {roles.OWNER}")
        with self.postgres.connect_superuser() as connection:
            roles.grant_defaults(connection, for_tests=self.small)
            connection.execute("CHECKPOINT")
        with redis.Redis.from_url(self.redis.url) as client:
            client.flushall()
        shutil.rmtree(self.anchors_folder, ignore_errors=True)
        self.anchors_folder.mkdir()
        self._renew_broker(wanted=with_broker and not self.given_broker)
        if with_broker and self.given_broker:
            call_command("create_topics", verbosity=0)

    @contextmanager
    def noting_commit_times(self) -> Iterator[None]:
        """Have PostgreSQL note when each transaction commits, which takes a restart before and after."""
        self._restart("ALTER SYSTEM SET track_commit_timestamp = on")
        try:
            yield
        finally:
            self.stop_all()
            self._restart("ALTER SYSTEM RESET track_commit_timestamp")

    def _restart(self, statement: str) -> None:
        from django.db import connections

        with self.connect() as connection:
            connection.execute(statement)
        connections.close_all()
        self.postgres.stop()
        self.postgres.start()

    def start(self, *names: str, environment: Mapping[str, str] | None = None, web_port: int = 1) -> None:
        """Start processes of the product by the names of `make run`; their output goes to ``folder``."""
        specs = {spec.name: spec for spec in list_processes(web_port=web_port, sandbox_port=1)}
        for name in names:
            self.start_command(name, specs[name].command, environment=environment)

    def start_command(
        self, name: str, command: tuple[str, ...], *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start any other process, a peer's for instance, in the same environment."""
        with self.log_path(name).open("ab") as log:
            self.processes[name] = children.spawn(
                command, output=log, env=self.environment() | dict(environment or {}), cwd=PROJECT_ROOT
            )

    def stop(self, *names: str) -> None:
        """End processes, orderly."""
        ending = [self.processes.pop(name) for name in names]
        for process in ending:
            children.send(process, signal.SIGTERM)
        for process in ending:
            children.finish(process, seconds=15)

    def stop_all(self) -> None:
        """End every process that was started here, the last one first."""
        self.stop(*reversed(self.processes))

    def wait_for(self, what: str, reached: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
        """Poll until something is reached.

        Raises:
            ServiceError: one of the processes ended, or the time is over.
        """
        wait_until(reached, what=what, alive=self._all_alive, seconds=seconds)

    def log_path(self, name: str) -> Path:
        """Return where a process writes what it says."""
        return self.folder / f"{name}.log"

    def connect(self) -> psycopg.Connection:
        """Open a superuser's connection in autocommit, for looking on; measures work as the app role."""
        return self.postgres.connect_superuser()

    def _all_alive(self) -> bool:
        return all(process.poll() is None for process in self.processes.values())

    def _migrate(self) -> None:
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()
        with self.postgres.connect_superuser(database="postgres") as connection:
            connection.execute(f"ALTER DATABASE {roles.DATABASE} RENAME TO {PRISTINE}")

    def _renew_broker(self, *, wanted: bool) -> None:
        """Replace the embedded broker, which keeps its messages, by an empty one or by none."""
        if self.broker is not None:
            self.broker.stop()
            self.broker = None
        if wanted:
            self.broker = Broker(folder=self.folder / "broker")
            self.broker.start()


def _make_servers(folder: Path, *, durable: bool) -> tuple[PostgresServer, RedisServer]:
    postgres_port, redis_port = free_ports(2)
    postgres = PostgresServer(
        folder=postgres_folder(folder), port=postgres_port, passwords=new_passwords(), durable=durable
    )
    return postgres, RedisServer(
        folder=folder / "redis", port=redis_port, password=secrets.token_hex(16), durable=False
    )


def remove_dead() -> None:
    """Remove what runs left behind that could not end orderly."""
    for folder in FOLDERS.glob("*"):
        if folder.name.isdigit() and not children.is_alive(int(folder.name)):
            _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(postgres_folder(folder), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
