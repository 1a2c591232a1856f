"""A whole local stack, its product replaced by tiny programs: start, trouble, end, and nothing left."""

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from revctx import local_env
from revctx.devstack.paths import PROJECT_ROOT, postgres_folder
from revctx.devstack.ports import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
SCRIPT = Path(__file__).with_name("fake_stack.py")
MARK = "REVCTX_TEST_MARK"
# What this test process has of its own stack must not reach the other one.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "OUTREACH_BASE_URL", "EXECUTION_MODE")


PROMISED = {
    "AUDITOR_DATABASE_URL",
    "AUDIT_ANCHOR_DIR",
    "DATABASE_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
    "LAB_DATABASE_URL",
    "OWNER_DATABASE_URL",
    "REDIS_URL",
    "REVCTX_TOKEN",
    "REVCTX_TOKEN_2",
    "REVCTX_URL",
    "SECRET_KEY",
    "SUBJECT_KEY_ENCRYPTION_KEY",
}


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def list_proc() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


class Stack:
    """A stack in a folder of its own, run as a program."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.mark = folder, free_port(), secrets.token_hex(8)
        self.process: subprocess.Popen[str] | None = None

    def begin(self, **extra: str) -> "subprocess.Popen[str]":
        clean = {name: value for name, value in os.environ.items() if not name.endswith(FOREIGN)}
        environment = clean | {MARK: self.mark, "PYTHONPATH": str(PROJECT_ROOT)} | extra
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self.folder), str(self.port)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def start(self, **extra: str) -> list[str]:
        """Start it and return what it said until it was ready."""
        self.process, said = self.begin(**extra), []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                return said
        raise AssertionError("".join(said))

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Signal it; return its exit code and last words."""
        assert self.process is not None
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=20)
        return self.process.returncode, said

    def fails(self, **extra: str) -> str:
        """Start it in vain and return what it said."""
        process = self.begin(**extra)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 1, said
        return said

    @property
    def env(self) -> dict[str, str]:
        return local_env.read(self.folder / "local.env")

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text()

    def leftovers(self) -> list[str]:
        """Return the command lines of living processes of this stack."""
        return [
            found
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and (found := self._of_us(entry))
        ]

    def _of_us(self, entry: Path) -> str:
        data = str(postgres_folder(self.folder))
        try:
            ours = f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes()
            if ours or str((entry / "cwd").readlink()).startswith(data):
                return (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:
            return ""
        return ""

    def pid_of(self, word: str) -> int:
        for entry in list_proc():
            if word in self._of_us(entry):
                return int(entry.name)
        raise AssertionError(word)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / ".revctx")
    yield stack
    if stack.process is not None and stack.process.poll() is None:
        stack.end(signal.SIGTERM)
    shutil.rmtree(postgres_folder(stack.folder), ignore_errors=True)


def test_start_second_start_stop_and_restart(stack: Stack) -> None:
    stack.start()
    first = stack.env
    assert stat.S_IMODE((stack.folder / "local.env").stat().st_mode) == 0o600
    assert first.keys() >= PROMISED
    assert first["REVCTX_PROFILE"] == "local"
    with psycopg.connect(first["OWNER_DATABASE_URL"]) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 7 AS number")

    said = stack.fails()
    assert f"already running here at http://127.0.0.1:{stack.port}" in said
    assert str(stack.process.pid) in said

    code, words = stack.end(signal.SIGTERM)
    assert (code, stack.leftovers()) == (0, [])
    assert "Stopped; the data stay." in words

    stack.start()
    assert stack.env["REVCTX_TOKEN"] == first["REVCTX_TOKEN"]
    with psycopg.connect(stack.env["DATABASE_URL"]) as app:
        assert app.execute("SELECT number FROM kept").fetchone() == (7,)
    assert stack.end(signal.SIGINT)[0] == 0
    assert stack.leftovers() == []


def test_sigkill_of_the_supervisor_leaves_no_process_and_no_lock(stack: Stack) -> None:
    stack.start()
    assert len(stack.leftovers()) > 6
    stack.process.kill()
    stack.process.communicate()
    wait_for(lambda: not stack.leftovers())
    stack.start()
    assert stack.end(signal.SIGTERM)[0] == 0


def test_a_child_that_ignores_sigterm_is_killed_with_its_children(stack: Stack) -> None:
    stack.start(FAKE_STUBBORN="1")
    started = time.monotonic()
    code, words = stack.end(signal.SIGTERM)
    assert code == 0
    assert time.monotonic() - started < 15
    assert "stubborn did not end by itself and was killed" in words
    assert stack.leftovers() == []


def test_a_taken_port_is_told_before_anything_starts(stack: Stack) -> None:
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", stack.port))
        occupant.listen()
        said = stack.fails()
    assert f"port {stack.port} is taken" in said
    assert not postgres_folder(stack.folder).exists()
    assert stack.leftovers() == []


def test_half_an_external_database_is_a_clear_error(stack: Stack) -> None:
    said = stack.fails(DATABASE_URL="postgresql://revctx_app:x@127.0.0.1:1/revctx")
    assert "OWNER_DATABASE_URL and LAB_DATABASE_URL is not set" in said
    assert stack.leftovers() == []


def test_a_broker_that_dies_comes_back_and_its_clients_learn_the_address(stack: Stack) -> None:
    stack.start()
    before = stack.env["KAFKA_BOOTSTRAP_SERVERS"]
    sandbox = stack.pid_of(f"serve_forever()\n {stack.env['SANDBOX_URL'].rsplit(':')[-1]}")
    os.kill(stack.pid_of("revctx.devstack.broker"), signal.SIGKILL)
    wait_for(lambda: stack.env["KAFKA_BOOTSTRAP_SERVERS"] != before)
    after = stack.env["KAFKA_BOOTSTRAP_SERVERS"]
    wait_for(lambda: stack.log("relay").split() == ["broker", before, "broker", after])
    assert stack.pid_of(f"serve_forever()\n {stack.env['SANDBOX_URL'].rsplit(':')[-1]}") == sandbox


def test_the_product_gets_no_owner_and_the_laboratory_no_secret(stack: Stack) -> None:
    stack.start(OPENAI_API_KEY="sk-example")
    wait_for(lambda: stack.log("lab-worker"))
    laboratory = stack.log("lab-worker")
    assert "LAB_DATABASE_URL" in laboratory
    for withheld in (
        "'DATABASE_URL'",
        "REDIS_URL",
        "KAFKA",
        "OPENAI",
        "OUTREACH",
        "TOKEN",
        "SUBJECT",
        "OWNER",
    ):
        assert withheld not in laboratory
    environ = Path(f"/proc/{stack.pid_of('KAFKA_BOOTSTRAP')}/environ").read_text()
    assert "OPENAI_API_KEY=sk-example" in environ
    assert "OWNER_DATABASE_URL" not in environ
    assert "REVCTX_TOKEN" not in environ


def test_servers_named_in_the_environment_replace_the_embedded_ones(stack: Stack) -> None:
    given = {"REDIS_URL": "redis://127.0.0.1:1/0", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:2"}
    said = stack.start(**given)
    assert "Starting PostgreSQL, Redis (yours), Kafka (yours).\n" in said
    assert (stack.env["REDIS_URL"], stack.env["KAFKA_BOOTSTRAP_SERVERS"]) == (
        "redis://127.0.0.1:1/0",
        "127.0.0.1:2",
    )
    assert "broker 127.0.0.1:2" in stack.log("relay")
    assert not any("valkey" in line or "devstack.broker" in line for line in stack.leftovers())
