"""`make run`: servers, database, processes, and an orderly end."""

import contextlib
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from revctx.devstack import children
from revctx.devstack.console import LogFollower, complain, last_lines, rotate, say
from revctx.devstack.instance_lock import InstanceLock
from revctx.devstack.local_env import (
    GivenServers,
    laboratory_environment,
    product_variables,
    read_choices,
    read_port,
)
from revctx.devstack.local_services import LocalServices
from revctx.devstack.local_state import LocalState
from revctx.devstack.paths import PROJECT_ROOT, STATE_FOLDER
from revctx.devstack.ports import ServiceError, is_free
from revctx.devstack.process_group import ProcessGroup
from revctx.devstack.processes import ProcessSpec, list_processes

TICK = 0.2  # seconds
READY_SECONDS = 120.0
WORKERS_SECONDS = 90.0
OLD_LOG = 5_000_000  # bytes; a larger log is put aside at start
# What the running product has no use for: the owner migrates, the tokens are the person's.
WITHHELD = ("OWNER_DATABASE_URL", "AUDITOR_DATABASE_URL", "REVCTX_TOKEN", "REVCTX_TOKEN_2")


class StopRequested(Exception):
    """The person, or the system, asked us to end."""


@dataclass
class StopSignals:
    """Counts the requests to stop; the second one says that waiting is over."""

    count: int = 0

    def install(self) -> None:
        """Listen to SIGINT, SIGTERM and SIGHUP."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    def check(self) -> None:
        """Leave if a stop was requested.

        Raises:
            StopRequested: it was.
        """
        if self.count:
            raise StopRequested

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt


@dataclass
class Supervisor:
    """One local stack from start to end."""

    environment: Mapping[str, str]
    state: LocalState = field(default_factory=lambda: LocalState(STATE_FOLDER))
    root: Path = PROJECT_ROOT
    list_specs: Callable[..., list[ProcessSpec]] = list_processes
    prepare_command: tuple[str, ...] = (sys.executable, "-m", "revctx.devstack.prepare")
    stop_signals: StopSignals = field(default_factory=StopSignals)
    services: LocalServices | None = None
    group: ProcessGroup | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def run(self) -> int:
        """Start everything, watch it until we are told to stop, stop it; return the exit code."""
        started = time.monotonic()
        self.stop_signals.install()
        port = read_port(self.environment)
        self.state.prepare()
        lock = InstanceLock(self.state.folder / "run.lock")
        lock.acquire(label=f"http://127.0.0.1:{port}")
        try:
            if not is_free(port):
                raise ServiceError(f"port {port} is taken; choose another one: REVCTX_PORT=8001 make run")
            self._start(port)
            self._announce(time.monotonic() - started)
            self._watch()
        except StopRequested:
            say("\nStopping.")
        finally:
            self._stop()
            lock.release()
        say("Stopped; the data stay.")
        return 0

    def _start(self, port: int) -> None:
        given = GivenServers.read(self.environment)
        ports, secrets = self.state.choose_ports(), self.state.load_secrets()
        self.variables = product_variables(
            web_port=port, sandbox_port=ports["sandbox"], folder=self.state.folder, secrets=secrets
        )
        self.variables |= read_choices(self.environment, self.root / ".env")
        self._clean_folders()
        self.services = LocalServices.create(
            state=self.state, given=given, ports=ports, redis_password=secrets["REDIS_PASSWORD"]
        )
        say(f"Starting {self.services.describe()}.")
        self.services.start()
        self._note_addresses()
        self._prepare_database(with_topics=bool(given.kafka))
        specs = self.list_specs(web_port=port, sandbox_port=ports["sandbox"])
        if self.environment.get("EXECUTION_MODE") == "laboratory":
            specs = [spec for spec in specs if spec.is_laboratory]
        self._start_processes(specs)

    def _clean_folders(self) -> None:
        """Forget the metrics of processes long gone, and put large logs aside."""
        metrics = Path(self.variables["PROMETHEUS_MULTIPROC_DIR"])
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(mode=0o700)
        for log in self.state.logs.glob("*.log"):
            if log.stat().st_size > OLD_LOG and not log.name.endswith(".1.log"):
                rotate(log)

    def _note_addresses(self) -> None:
        assert self.services is not None
        self.variables |= self.services.environment()
        self.state.write_env(self.variables)

    def _prepare_database(self, *, with_topics: bool) -> None:
        self.stop_signals.check()
        say("Preparing the database.")
        log_path = self.state.logs / "prepare.log"
        command = [*self.prepare_command, str(self._logins_path), *(["--topics"] if with_topics else [])]
        with log_path.open("ab") as log:
            process = children.spawn(
                command,
                output=log,
                env={**self.environment, **self.variables},
                cwd=self.root,
            )
        try:
            while process.poll() is None:
                self.stop_signals.check()
                time.sleep(0.05)
        finally:
            children.stop(process)
        if process.returncode:
            words = "\n    ".join(last_lines(log_path))
            raise ServiceError(f"the database could not be prepared; from {log_path}:\n    {words}")

    def _start_processes(self, specs: list[ProcessSpec]) -> None:
        self.group = ProcessGroup(
            specs=specs,
            logs=self.state.logs,
            cwd=self.root,
            environment_of=self._environment_of,
            follower=LogFollower(show_all=self.environment.get("REVCTX_LOGS") == "all"),
        )
        say(f"Starting {len(specs)} processes.")
        names = {spec.name for spec in specs}
        for stage in sorted({spec.stage for spec in specs}):
            self.group.start(stage)
            if stage == 0 and "sandbox" in names:
                self._wait_for(f"{self.variables['SANDBOX_URL']}/sandbox/health", "sandbox", READY_SECONDS)
        if "web" in names:
            self._wait_for_web()

    def _wait_for_web(self) -> None:
        url = self.variables["REVCTX_URL"]
        self._wait_for(f"{url}/health", "web", READY_SECONDS)
        for page in ("health/workers", "health/detailed"):
            try:
                self._wait_for(f"{url}/{page}", "web", WORKERS_SECONDS, pause=1.0)
            except ServiceError:
                say(f"  Not everything has reported yet; see {url}/{page} and {self.state.logs}")

    def _wait_for(self, url: str, name: str, seconds: float, *, pause: float = TICK) -> None:
        """Watch the processes until an address answers 200.

        Raises:
            ServiceError: the time is over, or the process keeps ending.
            StopRequested: we were told to stop.
        """
        assert self.group is not None
        deadline = time.monotonic() + seconds
        while not answers(url):
            self.stop_signals.check()
            self.group.tick()
            member = self.group.members[name]
            if member.is_looping or time.monotonic() > deadline:
                raise ServiceError(f"{name} does not answer at {url}; see {member.log_path}")
            time.sleep(pause)

    def _environment_of(self, spec: ProcessSpec) -> dict[str, str]:
        everything = {**self.environment, **self.variables, "PYTHONUNBUFFERED": "1"}
        everything["LOG_LEVEL"] = self.environment.get("LOG_LEVEL", "INFO")
        for name in WITHHELD:
            everything.pop(name, None)
        return laboratory_environment(everything) if spec.is_laboratory else everything

    def _announce(self, seconds: float) -> None:
        say(f"\nRevctx runs at {self.variables['REVCTX_URL']}  (started in {seconds:.1f} s)\n")
        if self._logins_path.exists():
            say(self._logins_path.read_text(encoding="utf-8").rstrip())
        say(f"API token  {self.variables['REVCTX_TOKEN']}")
        say(f"Settings   {self.state.env_path}    Logs  {self.state.logs}    Ctrl-C stops everything.\n")

    def _watch(self) -> None:
        assert self.group is not None
        assert self.services is not None
        while True:
            self.stop_signals.check()
            self.group.tick()
            try:
                revived = self.services.revive()
            except ServiceError as error:
                complain(f"{error}; trying again")
                time.sleep(5)
                continue
            if revived:
                say(f"  {' and '.join(revived)} had ended and was started again")
            if "broker" in revived:
                self._note_addresses()
                self.group.restart(lambda spec: spec.uses_broker)
            time.sleep(TICK)

    def _stop(self) -> None:
        """Stop processes and servers in reverse order; a second request cuts the waiting short."""
        try:
            if self.group is not None:
                self.group.stop()
        except KeyboardInterrupt:
            say("Killing what is left.")
            self._kill_processes()
        with contextlib.suppress(KeyboardInterrupt):
            if self.services is not None:
                self.services.stop()

    def _kill_processes(self) -> None:
        assert self.group is not None
        for member in self.group.members.values():
            if member.process is not None:
                children.kill_group(member.process)
                member.process.wait()

    @property
    def _logins_path(self) -> Path:
        return self.state.folder / "logins.txt"


def answers(url: str, *, seconds: float = 2.0) -> bool:
    """Tell whether an address answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def run(environment: Mapping[str, str] | None = None) -> int:
    """Run the local stack until it is told to stop; return the exit code."""
    return Supervisor(os.environ if environment is None else environment).run()
