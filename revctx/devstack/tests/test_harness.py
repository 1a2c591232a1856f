"""The test harness itself: databases come back as migrated, nothing leaves the machine, nothing stays."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from revctx.devstack import roles, run_folders
from revctx.devstack.children import is_alive
from revctx.devstack.database_reset import DatabaseReset
from revctx.devstack.network_guard import OutsideConnectionRefused
from revctx.devstack.paths import PROJECT_ROOT, harness_folder
from revctx.devstack.pytest_plugin import GIVEN_BROKER, prepare_environment
from revctx.devstack.services import ThrowawayServices

TABLES = """
CREATE TABLE seeded (id int PRIMARY KEY, word text, doubled int GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO seeded VALUES (1, E'tab\\tand \\\\ and line\\n'), (2, NULL);
CREATE TABLE child (id int REFERENCES seeded);
CREATE TABLE recorded (id int, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE recorded_2026 PARTITION OF recorded FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append only'; END $$;
CREATE TRIGGER refuse_rows BEFORE UPDATE OR DELETE ON recorded FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse_all BEFORE TRUNCATE ON recorded_2026 EXECUTE FUNCTION refuse();
CREATE SCHEMA other; CREATE TABLE other.thing (id int);
"""
DROP = "DROP TABLE child, seeded, recorded, other.thing; DROP SCHEMA other; DROP FUNCTION refuse"


@pytest.fixture
def owner(services: ThrowawayServices) -> Iterator[psycopg.Connection]:
    with psycopg.connect(services.postgres.url(roles.OWNER), autocommit=True) as connection:
        connection.execute(TABLES)
        yield connection
        connection.execute(DROP)


def test_reset_restores_seeded_rows_and_empties_append_only_tables(
    services: ThrowawayServices, owner: psycopg.Connection
) -> None:
    seeded = owner.execute("SELECT * FROM seeded ORDER BY id").fetchall()
    with services.postgres.connect_superuser() as connection:
        reset = DatabaseReset(connection)
        reset.remember()
        owner.execute("INSERT INTO child VALUES (1); INSERT INTO other.thing VALUES (1)")
        owner.execute("INSERT INTO recorded VALUES (1, '2026-11-22')")
        owner.execute("UPDATE seeded SET word = 'changed' WHERE id = 1; DELETE FROM seeded WHERE id = 2")
        with pytest.raises(psycopg.errors.RaiseException, match="append only"):
            owner.execute("DELETE FROM recorded")
        reset.restore()
    assert owner.execute("SELECT * FROM seeded ORDER BY id").fetchall() == seeded
    for table in ("child", "recorded", "other.thing"):
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    owner.execute("INSERT INTO recorded VALUES (1, '2026-11-22')")
    with pytest.raises(psycopg.errors.RaiseException, match="append only"):
        owner.execute("TRUNCATE recorded_2026")


def test_tests_reach_this_machine_only() -> None:
    with pytest.raises(OutsideConnectionRefused):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(OutsideConnectionRefused):
        socket.create_connection(("api.example.com", 443), timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()


def test_a_given_broker_is_kept_and_a_given_database_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092", "DATABASE_URL": "postgresql://production/"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", given)
        prepare_environment()
    assert (given["KAFKA_BOOTSTRAP_SERVERS"], given[GIVEN_BROKER]) == ("127.0.0.1:9092",) * 2
    assert "production" not in given["DATABASE_URL"]


class Run:
    """A pytest run of its own, in a folder of its own, that sleeps until it is ended."""

    def __init__(self, folder: Path) -> None:
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_sleep.py").write_text(
            "import pathlib, time\n"
            "def test_sleep(services):\n"
            f"    pathlib.Path({str(folder / 'asleep')!r}).touch()\n"
            "    time.sleep(60)\n"
        )
        unwanted = ("-p", "no:django", "-p", "no:valkey", "-p", "no:schemathesis")
        plugins = ("-p", "revctx.devstack.pytest_plugin", *unwanted)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", *plugins, str(folder)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            # As from a terminal: what a script starts in the background ignores Ctrl-C, and so would this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        self.folder = harness_folder() / str(self.process.pid)
        # A signal amid the imports would be a test of them.
        self._wait((folder / "asleep").exists)
        self.postgres = int((self.folder / "postgres/data/postmaster.pid").read_text().split()[0])

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(60)  # each of its three servers may take ten seconds on a busy machine
        self._wait(lambda: not is_alive(self.postgres))

    def _wait(self, condition) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)


def test_ctrl_c_leaves_no_server_and_no_file(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.end(signal.SIGINT)
    assert not run.folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells the servers on Linux only")
def test_sigkill_leaves_no_server_and_the_next_run_sweeps_the_files(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.end(signal.SIGKILL)
    run_folders.sweep()
    assert not run.folder.exists()
