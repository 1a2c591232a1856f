"""The servers that ingestion is measured on: PostgreSQL as `make run` starts it, fsync on, and Redis."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from revctx.devstack.broker import Broker
from revctx.devstack.paths import is_root, root_folder
from revctx.devstack.ports import free_ports
from revctx.devstack.postgres import PostgresServer
from revctx.devstack.processes import web_command
from revctx.devstack.redis import RedisServer
from revctx.devstack.services import database_environment, new_passwords
from revctx.devstack.static_env import static_environment

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
PEER_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


@dataclass
class Stack:
    """Running servers, and the environment that points at them."""

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    broker: Broker
    environment: dict[str, str]

    @property
    def owner_url(self) -> str:
        """Return the address of the role that may make tables."""
        return self.environment["OWNER_DATABASE_URL"]

    def superuser(self) -> psycopg.Connection:
        """Open a superuser's connection in autocommit."""
        return self.postgres.connect_superuser()

    def issue_token(self, *, scopes: Sequence[str] = ("signals:write",)) -> str:
        """Return the secret of a new token."""
        code = (
            "import django; django.setup()\n"
            "from django.contrib.auth.models import User\n"
            "from django.utils import timezone\n"
            "from revctx.api.tokens import issue_token\n"
            "user, _ = User.objects.get_or_create(username='bench')\n"
            f"print(issue_token(user=user, label='bench', scopes={list(scopes)!r}, now=timezone.now()))"
        )
        return self.python("-c", code).strip()

    def python(self, *arguments: str) -> str:
        """Run Python with the product's environment and return what it prints."""
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Start the servers on a fresh, migrated database; stop and remove them at the end."""
    if is_root():
        root_folder().mkdir(mode=0o711, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root_folder() if is_root() else None))
    folder.chmod(0o711)
    postgres_port, redis_port = free_ports(2)
    postgres = PostgresServer(folder=folder / "postgres", port=postgres_port, passwords=new_passwords())
    redis = RedisServer(
        folder=folder / "redis", port=redis_port, password=secrets.token_hex(16), durable=False
    )
    broker = Broker(folder=folder / "broker")
    try:
        for server in (postgres, redis, broker):
            server.start()
        metrics = folder / "metrics"
        metrics.mkdir()
        environment = os.environ | static_environment() | database_environment(postgres)
        environment |= {
            "REDIS_URL": redis.url,
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "PYTHONPATH": str(ROOT),
            # The product's limits stay on; they must not be what is measured.
            "SIGNALS_PER_SECOND_PER_TOKEN": "1000000",
        }
        stack = Stack(folder, postgres, redis, broker, environment)
        stack.python("manage.py", "migrate", "--database", "owner", "--verbosity", "0")
        yield stack
    finally:
        for server in (broker, redis, postgres):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(
    command: Sequence[str], *, environment: dict[str, str], port: int | None = None, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process; with `port`, wait until it answers there."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        if port is not None:
            _wait_for(port, process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    import socket

    deadline = time.monotonic() + 30
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended at its start; it said:\n{log.read_text()[-3000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextmanager
def our_server(stack: Stack, *, workers: int | None = None, threads: int | None = None) -> Iterator[str]:
    """Run the product's web process as `make run` does and yield its address."""
    [port] = free_ports(1)
    command = list(web_command(port))
    for flag, value in {"--workers": workers, "--blocking-threads": threads}.items():
        if value is not None:
            command[command.index(flag) + 1] = str(value)
    with running(command, environment=stack.environment, port=port, log=stack.folder / "web.log"):
        yield f"http://127.0.0.1:{port}"


def load(
    url: str, *, token: str, seconds: float, connections: int = 64, batch: int = 0
) -> dict[str, Any]:
    """Run the load generator in a process of its own and return what it measured."""
    command = [sys.executable, str(HERE / "load.py"), url]
    command += ["--seconds", str(seconds), "--connections", str(connections), "--batch", str(batch)]
    headers = json.dumps({"Authorization": f"Bearer {token}"})
    answer = subprocess.run(command, input=headers, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(answer))
