"""PostgreSQL, Redis and the broker fail under load: each acknowledged signal is stored and scored once."""

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections

from revctx.api.tokens import issue_token
from revctx.devstack.ports import LOOPBACK, is_free
from revctx.devstack.pytest_plugin import GIVEN_BROKER
from revctx.tests.database import number, rows
from revctx.tests.load import Load
from revctx.tests.test_pipeline_faults import OTHERS, WORKERS, is_all_work_done

PROCESSES = ("web", *OTHERS, *WORKERS)
FEW = ("web", "relay", "bridge-context-engine", "context-engine-1")  # quicker to start
BROKER_CONTROL = "KAFKA_CONTROL_DIR"  # see .ci/kafka/with_kafka.py


class Faults:
    """Takes the test's servers away for some seconds."""

    def __init__(self, services, redis_server):
        self.services, self.redis = services, redis_server

    def postgres_restarted(self, seconds):
        """Stop it in order, as an upgrade does."""
        self.services.postgres.stop()
        self._start_postgres_after(seconds)

    def postgres_crashed(self, seconds):
        """Have it drop everything at once; its log is replayed when it starts."""
        process = self.services.postgres.process
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        self._start_postgres_after(seconds)

    def _start_postgres_after(self, seconds):
        time.sleep(seconds)
        self.services.postgres.start()
        connections.close_all()

    def redis_flushed(self, seconds):
        """Empty it, again and again."""
        for _ in range(5):
            self.redis.flushall()
            time.sleep(seconds / 5)

    def redis_restarted(self, seconds):
        """Stop it; it comes back empty."""
        self.services.redis.stop()
        time.sleep(seconds)
        self.services.redis.start()

    def broker_hung(self, seconds):
        """Let the embedded broker answer nothing; it would forget everything if it ended."""
        process = self.services.broker.process
        process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    def broker_down(self, seconds):
        """Keep the real broker down."""
        hold = Path(os.environ[BROKER_CONTROL]) / "hold"
        hold.touch()
        try:
            time.sleep(seconds)
        finally:
            hold.unlink()


@pytest.fixture
def faults(services, redis_server):
    with services.postgres.connect_superuser() as connection:
        # The throwaway cluster would lose its last commits in a crash; an acknowledged one must not be lost.
        connection.execute("ALTER ROLE revctx_app SET synchronous_commit = on")
    yield Faults(services, redis_server)
    with services.postgres.connect_superuser() as connection:
        connection.execute("ALTER ROLE revctx_app RESET synchronous_commit")


@pytest.fixture
def load(processes):
    user = User.objects.create_user("load")
    token = issue_token(user=user, label="load", scopes=["signals:write"], now=datetime.now(UTC))
    load = Load(port=processes.web_port, token=token)
    yield load
    load.stop()


def run_through(fault, seconds, processes, load, *, steady=0, names=FEW):
    """Put load on the product, let a server fail, and let it recover; return the numbers.

    `steady` is for how many seconds the load runs before and after.
    """
    processes.start(*names)
    processes.wait_for("the web", lambda: not is_free(load.port, host=LOOPBACK), seconds=40)
    load.start()
    processes.wait_for("a first score", lambda: count_scored() > 0, seconds=40)
    time.sleep(steady)
    acknowledged = len(load.acknowledged)
    fault(seconds)
    meanwhile = len(load.acknowledged) - acknowledged
    processes.wait_for(
        "acknowledgements after it", lambda: len(load.acknowledged) > acknowledged + meanwhile, seconds=40
    )
    time.sleep(steady)
    load.stop()
    recovering = time.monotonic()
    processes.wait_for("all to be scored", lambda: count_scored() >= len(load.acknowledged), seconds=120)
    if names == PROCESSES:
        processes.wait_for("all work to be done", is_all_work_done, seconds=60)
    return assert_once(load) | {
        "acknowledged meanwhile": meanwhile,
        "longest refusal s": round(load.longest_refusal, 2),
        "until all was scored s": round(time.monotonic() - recovering, 1),
        "answers": dict(load.answers),
    }


def count_scored():
    return number("SELECT count(*) FROM contexts_ledgerentry")


def assert_once(load):
    """Every acknowledged signal is stored once and scored once, and nothing else is."""
    acknowledged = sorted(load.acknowledged.values())
    stored = sorted(str(row[0]) for row in rows("SELECT id FROM signals"))
    scored = sorted(str(row[0]) for row in rows("SELECT signal_id FROM contexts_ledgerentry"))
    assert len(set(acknowledged)) == len(acknowledged)
    assert stored == acknowledged
    assert scored == acknowledged
    ledger = (
        "SELECT (SELECT sum(mass) FROM contexts_ledgerentry) = (SELECT sum(mass) FROM contexts_scorebucket)"
    )
    assert rows(ledger) == [(True,)]
    assert number("SELECT count(*) FROM work_items WHERE state = 'dead'") == 0
    assert set(load.answers) <= {"202", "503", "ConnectionResetError", "RemoteDisconnected"}
    return {"acknowledged": len(acknowledged), "stored": len(stored), "scored": len(scored)}


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("postgres_crashed", 1), ("redis_restarted", 1), ("broker_hung", 2)],
)
def test_a_short_failure_loses_nothing_and_counts_nothing_twice(name, seconds, processes, load, faults):
    if name == "broker_hung" and os.environ.get(GIVEN_BROKER):
        pytest.skip("the broker is not ours to stop")
    numbers = run_through(getattr(faults, name), seconds, processes, load)

    print(name, numbers)
    if "postgres" not in name:
        assert set(numbers["answers"]) == {"202"}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("postgres_restarted", 20),
        ("postgres_crashed", 20),
        ("redis_flushed", 20),
        ("redis_restarted", 20),
        ("broker_hung", 20),
    ],
)
def test_a_long_failure_loses_nothing_and_counts_nothing_twice(name, seconds, processes, load, faults):
    numbers = run_through(getattr(faults, name), seconds, processes, load, steady=5, names=PROCESSES)

    print(name, numbers)
    if "postgres" not in name:
        assert set(numbers["answers"]) == {"202"}


@pytest.mark.long
@pytest.mark.kafka
@pytest.mark.timeout(600)
@pytest.mark.skipif(BROKER_CONTROL not in os.environ, reason="needs .ci/kafka/with_kafka.py")
def test_a_broker_that_is_down_for_a_minute_closes_no_door(processes, load, faults):
    numbers = run_through(faults.broker_down, 60, processes, load, steady=5, names=PROCESSES)

    print("broker_down", numbers)
    assert set(numbers["answers"]) == {"202"}
    assert numbers["acknowledged meanwhile"] > 60
