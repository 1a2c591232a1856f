"""The embedded Kafka-protocol broker: librdkafka's mock cluster in a process of its own.

It keeps messages in memory only, makes topics on first use and comes up on a random port of
loopback. Run as a program it prints its address on one line and serves until it is told to stop.
"""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException, Producer

from revctx.devstack import children
from revctx.devstack.ports import ServiceError, wait_until
from revctx.eventbus.topics import TOPICS

ADDRESS_FILE = "broker.address"


@dataclass
class Broker:
    """One mock broker; ``bootstrap_servers`` is known once it has started."""

    folder: Path
    bootstrap_servers: str = field(default="", init=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log_path(self) -> Path:
        """Return where the broker writes what it says."""
        return self.folder / "broker.log"

    def start(self) -> None:
        """Start the broker and return when its address is known.

        Raises:
            ServiceError: it ended or stayed silent.
        """
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start the process without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._address_path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "revctx.devstack.broker", str(self._address_path)]
        with self.log_path.open("ab") as log:
            self.process = children.spawn(command, output=log, cwd=Path(__file__).parents[2])

    def wait(self) -> None:
        """Wait for the process that `begin` started.

        Raises:
            ServiceError: it ended or stayed silent.
        """
        try:
            wait_until(self._address_path.exists, what="the broker", alive=self.is_running, seconds=20)
        except ServiceError as error:
            raise ServiceError(f"{error}; see {self.log_path}") from error
        self.bootstrap_servers = self._address_path.read_text().strip()

    def is_running(self) -> bool:
        """Tell whether the broker process lives."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Stop the broker; harmless if it does not run."""
        if self.process is not None:
            children.stop(self.process, seconds=5)
            self.process = None

    @property
    def _address_path(self) -> Path:
        return self.folder / ADDRESS_FILE


def _find_address(cluster: Producer) -> str:
    deadline = time.monotonic() + 15
    while True:
        try:
            brokers = cluster.list_topics(timeout=2).brokers.values()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            continue
        return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)


def serve(address_path: Path) -> None:
    """Hold a mock cluster until SIGTERM or SIGINT; write its address to a file first."""
    stopping = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
    cluster = Producer({"test.mock.num.brokers": 1, "log_level": 3})
    address = _find_address(cluster)
    for topic in TOPICS:
        # A topic that appears later makes its group share out partitions anew, which takes 10 s.
        cluster.list_topics(topic, timeout=5)
    unfinished = address_path.with_suffix(".new")
    unfinished.write_text(address + "\n")
    unfinished.rename(address_path)
    signal.sigwait(stopping)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
