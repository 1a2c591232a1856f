#!/usr/bin/env python3
"""Run a command with a real Apache Kafka broker beside it.

    python .ci/kafka/with_kafka.py -- make test-kafka

Maven fetches Kafka's own jars (pom.xml), one KRaft node, broker and controller in one process,
starts on loopback with empty storage, KAFKA_BOOTSTRAP_SERVERS tells the command where, and
everything is gone afterwards. While the command keeps a file "hold" in KAFKA_CONTROL_DIR, the broker
is down; afterwards it starts again on the same port and storage. The exit code is the command's.
Without Maven or Java 17, one line says that the tier was skipped, and the exit code is 0.
"""

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".revctx" / "kafka"
JAVA_OPTIONS = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-Djava.awt.headless=true"]
NEEDED_JAVA = 17
START_SECONDS = 60
STOP_SECONDS = 20
LOOK_SECONDS = 0.2


class BrokerFailed(Exception):
    """The broker did not come up; the message holds the end of its log."""


class Broker:
    """One broker process that can be taken down and brought up again."""

    def __init__(self, command: list[str], *, folder: Path, port: int) -> None:
        """Start nothing yet."""
        self.command, self.folder, self.port = command, folder, port
        self.log = folder / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        """Return its address."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it without waiting."""
        with self.log.open("ab") as output:
            # Its own session, so that Ctrl-C ends the command first and the broker after it.
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        """Stop it; harmless if it does not run."""
        if self.process is not None:
            stop(self.process)
            self.process = None

    def obey(self) -> None:
        """Be down while the command holds us down, and up again afterwards."""
        is_held = (self.folder / "hold").exists()
        if is_held and self.process is not None:
            self.stop()
        elif not is_held and self.process is None:
            self.start()


def why_skipped() -> str | None:
    """Return what is missing for this tier, or None when it can run."""
    if shutil.which("mvn") is None:
        return "Maven is not installed"
    java = shutil.which("java")
    if java is None:
        return "Java is not installed"
    banner = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', banner)
    if version is None or int(version.group(1)) < NEEDED_JAVA:
        return f"Java {NEEDED_JAVA} is needed, found: {banner.splitlines()[0] if banner else 'nothing'}"
    return None


def fetch_jars() -> Path:
    """Fetch Kafka's jars with Maven, once for each version of pom.xml, and return their folder."""
    pom = HERE / "pom.xml"
    folder = CACHE / f"jars-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = tempfile.mkdtemp(dir=CACHE)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={part}"]
        maven = ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(pom), *goal]
        subprocess.run(maven, check=True, stdin=subprocess.DEVNULL)
        # Whole or not at all: a fetch that was cut short leaves no folder of this name.
        Path(part).rename(folder)
    return folder


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listening in sockets:
            listening.bind(("127.0.0.1", 0))
        return [listening.getsockname()[1] for listening in sockets]


def write_config(folder: Path, *, port: int, controller_port: int) -> Path:
    """Write the broker's configuration: one node, topics are made by hand, no waiting for more members."""
    options = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": folder / "data",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "log.segment.bytes": 64 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    path = folder / "server.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in options.items()), encoding="utf-8")
    return path


def java(jars: Path, *arguments: str) -> list[str]:
    """Return the command line of one of Kafka's programs."""
    log_config = f"-Dlog4j2.configurationFile={HERE / 'log4j2.yaml'}"
    return ["java", *JAVA_OPTIONS, log_config, "-cp", f"{jars}/*", *arguments]


def answers(port: int) -> bool:
    """Ask for the cluster's metadata (version 4, no topics); true when the broker names itself."""
    request = struct.pack(">hhih", 3, 4, 1, -1) + struct.pack(">i?", 0, False)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            header = connection.recv(16, socket.MSG_WAITALL)
    except OSError:
        return False
    # size, correlation id, throttle time, number of brokers
    return len(header) == 16 and struct.unpack(">iiii", header)[3] > 0


@contextlib.contextmanager
def broker(jars: Path) -> Iterator[Broker]:
    """Run one broker on empty storage.

    Raises:
        BrokerFailed: it ended or did not answer within a minute.
    """
    with tempfile.TemporaryDirectory(prefix="revctx-kafka-") as name:
        folder, (port, controller_port) = Path(name), free_ports(2)
        config = write_config(folder, port=port, controller_port=controller_port)
        # Without a dash: one at the beginning would be read as an option.
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        storage = java(jars, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config))
        subprocess.run(storage, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        started = Broker(java(jars, "kafka.Kafka", str(config)), folder=folder, port=port)
        started.start()
        try:
            wait_until_ready(started)
            yield started
        finally:
            started.stop()


def wait_until_ready(started: Broker) -> None:
    """Return when the broker serves requests."""
    deadline = time.monotonic() + START_SECONDS
    process = started.process
    while not answers(started.port):
        code = None if process is None else process.poll()
        if code is not None or time.monotonic() > deadline:
            tail = started.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise BrokerFailed(f"Kafka did not start (exit code {code}):\n{tail}")
        time.sleep(0.1)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process in order, or by force when it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(command: list[str], running: Broker) -> int:
    """Run the command against the broker and return its exit code, as a shell would."""
    where = {"KAFKA_BOOTSTRAP_SERVERS": running.servers, "KAFKA_CONTROL_DIR": str(running.folder)}
    process = subprocess.Popen(command, env=os.environ | where)
    try:
        while (code := process.poll()) is None:
            running.obey()
            time.sleep(LOOK_SECONDS)
    except BaseException:
        stop(process)
        raise
    return code if code >= 0 else 128 - code


def leave(number: int, frame: FrameType | None) -> None:
    """Turn SIGTERM into an ordinary exit, so that every `finally` runs."""
    raise SystemExit(128 + number)


def main() -> int:
    """Read the command line, start the broker, run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", nargs="+", help="what to run, after --")
    command = parser.parse_args().command
    reason = why_skipped()
    if reason:
        print(f"Kafka tier skipped: {reason}.")
        return 0
    signal.signal(signal.SIGTERM, leave)
    began = time.monotonic()
    try:
        with broker(fetch_jars()) as running:
            print(f"Kafka answers at {running.servers} after {time.monotonic() - began:.1f} s.", flush=True)
            return run(command, running)
    except subprocess.CalledProcessError as error:
        print(f"Kafka could not be prepared: {error.cmd[0]} ended with {error.returncode}.", file=sys.stderr)
    except BrokerFailed as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
