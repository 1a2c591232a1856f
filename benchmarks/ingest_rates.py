"""Taking signals in over HTTP, beside the designs that people would pick instead.

All servers run two processes on the same PostgreSQL, one after the other in turns; the load generator is a
process of its own, 64 keep-alive connections, a bearer token, unique signals.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from django.contrib.auth.models import User
from django.utils import timezone

from benchmarks.figures import Figure, Target
from benchmarks.rounds import Comparison, take_turns
from benchmarks.stand import Stand
from revctx.api.tokens import issue_token
from revctx.devstack.ports import LOOPBACK, free_ports
from revctx.devstack.processes import WEB_THREADS

HERE = Path(__file__).resolve().parent
PEER_PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"
WORKERS = 2
CONNECTIONS, ROUNDS, ROUND_SECONDS, WARM_SECONDS = 64, 5, 8.0, 2.0
BATCH = 1_000
OURS_IS = "POST /api/signals: sealed, deduplicated, audited, announced through the outbox"
FASTAPI_IS = "FastAPI, asyncpg, aiokafka, uvicorn with uvloop: a transaction a signal with audit row"
PLAIN_IS = "Django REST framework, ORM, a transaction and a Celery task a signal"

Answer = dict[str, Any]


def run(stand: Stand) -> Iterator[Figure]:
    """Measure single posts beside both peers, then batches beside the faster one's single posts."""
    if not PEER_PYTHON.exists():
        if not stand.small:
            raise RuntimeError("the peers are not installed: `make bench` does so")
        yield from _run_plain(stand)  # the test of the benchmarks has no second environment
        return
    token = prepare(stand)
    with (
        serve(stand, "ours", "revctx.wsgi:application") as ours,
        _fastapi(stand) as fastapi,
        serve(stand, "plain", "benchmarks.peers.plain.wsgi:application") as plain,
    ):
        bench = Bench(stand, token)
        yield from bench.compare_single("ingest.single", ours, fastapi, FASTAPI_IS, least=2.0)
        yield from bench.compare_single("ingest.single_plain", ours, plain, PLAIN_IS, least=6.0)
        for connections, least in ((1, 8.0), (2, 12.0)):
            yield bench.compare_batch(ours, fastapi, connections=connections, least=least)


def _run_plain(stand: Stand) -> Iterator[Figure]:
    """Measure beside the one peer that needs no environment of its own."""
    token = prepare(stand)
    with (
        serve(stand, "ours", "revctx.wsgi:application") as ours,
        serve(stand, "plain", "benchmarks.peers.plain.wsgi:application") as plain,
    ):
        bench = Bench(stand, token)
        yield from bench.compare_single("ingest.single_plain", ours, plain, PLAIN_IS, least=6.0)


class Bench:
    """Loads servers in turns and keeps what was seen of each round."""

    def __init__(self, stand: Stand, token: str) -> None:
        self.token = token
        self.rounds = 1 if stand.small else ROUNDS
        self.seconds = 2.0 if stand.small else ROUND_SECONDS
        self.warm_seconds = 0.3 if stand.small else WARM_SECONDS

    def compare_single(
        self, name: str, ours: str, peer: str, peer_is: str, *, least: float
    ) -> Iterator[Figure]:
        """Yield requests a second and the 99th percentile of the same rounds."""
        seen: dict[str, list[Answer]] = {ours: [], peer: []}
        compared = take_turns(
            ours=self._loader(ours, seen), peer=self._loader(peer, seen), rounds=self.rounds
        )
        slow = [(a["p99_ms"], b["p99_ms"]) for a, b in zip(seen[ours], seen[peer], strict=True)]
        late = Comparison(slow)
        common: dict[str, Any] = {"ours_is": OURS_IS, "peer_is": peer_is}
        yield Figure(
            name=name,
            what=f"single signals over HTTP, {CONNECTIONS} connections",
            unit="requests/s",
            ours=compared.ours,
            peer=compared.peer,
            ratio=compared.ratio,
            target=Target("ratio", "least", least),
            conditions=self._conditions(connections=CONNECTIONS),
            details=compared.to_json() | {"ours_seen": seen[ours], "peer_seen": seen[peer]},
            **common,
        )
        yield Figure(
            name=f"{name}_p99",
            what="the same, time to the answer; 99th percentile",
            unit="ms",
            ours=late.ours,
            peer=late.peer,
            ratio=late.ratio,
            target=Target("ratio", "most", 1.0),
            better="lower",
            conditions=self._conditions(connections=CONNECTIONS),
            details=late.to_json(),
            **common,
        )

    def compare_batch(self, ours: str, peer: str, *, connections: int, least: float) -> Figure:
        """Return signals a second in batches beside the peer's single posts."""
        seen: dict[str, list[Answer]] = {ours: [], peer: []}
        url = f"{ours}/batch"
        seen[url] = []
        compared = take_turns(
            ours=self._loader(url, seen, connections=connections, batch=BATCH),
            peer=self._loader(peer, seen),
            rounds=self.rounds,
        )
        return Figure(
            name=f"ingest.batch_{connections}",
            what=f"signals in batches of {BATCH} over {connections} connection(s)",
            unit="signals/s",
            ours=compared.ours,
            ours_is="POST /api/signals/batch",
            peer=compared.peer,
            peer_is=f"{FASTAPI_IS}; its single posts over {CONNECTIONS} connections, for it has no batch",
            ratio=compared.ratio,
            target=Target("ratio", "least", least),
            conditions=self._conditions(connections=connections) | {"batch": BATCH},
            details=compared.to_json() | {"ours_seen": seen[url], "peer_seen": seen[peer]},
        )

    def _conditions(self, *, connections: int) -> dict[str, Any]:
        return {
            "connections": connections,
            "rounds": self.rounds,
            "round_seconds": self.seconds,
            "server_processes": WORKERS,
        }

    def _loader(
        self, url: str, seen: dict[str, list[Answer]], *, connections: int = CONNECTIONS, batch: int = 0
    ) -> Callable[[], float]:
        def one_round() -> float:
            load(url, self.token, seconds=self.warm_seconds, connections=connections, batch=batch)
            answer = load(url, self.token, seconds=self.seconds, connections=connections, batch=batch)
            seen[url].append(answer)
            return float(answer["signals_per_second"])

        return one_round


def load(
    url: str, token: str, *, seconds: float, connections: int, batch: int = 0, pace: Sequence[str] = ()
) -> Answer:
    """Run the load generator in a process of its own and return what it saw; `pace` are its further options.

    Raises:
        RuntimeError: an answer was no success, so the figure would say nothing.
    """
    command = [sys.executable, str(HERE / "load.py"), url, "--seconds", str(seconds)]
    command += ["--connections", str(connections), "--batch", str(batch), *pace]
    headers = json.dumps({"Authorization": f"Bearer {token}"})
    done = subprocess.run(command, input=headers, check=True, stdout=subprocess.PIPE, text=True)
    answer: Answer = json.loads(done.stdout)
    if set(answer["statuses"]) - {"202", "207"}:
        raise RuntimeError(f"{url} answered {answer['statuses']}")
    return answer


def prepare(stand: Stand) -> str:
    """Make the peers' tables and a token that all servers know; return its secret."""
    secret = secrets.token_urlsafe(32)
    user = User.objects.create_user("bench")
    issue_token(user=user, label="bench", scopes=["signals:write"], now=timezone.now(), secret=secret)
    with stand.connect() as connection:
        connection.execute((HERE / "peers" / "schema.sql").read_text(encoding="utf-8"))
        connection.execute(
            "INSERT INTO peer.tokens VALUES (%s, %s)",
            [hashlib.sha256(secret.encode()).digest(), f"user:{user.pk}"],
        )
    return secret


@contextmanager
def serve(stand: Stand, name: str, application: str) -> Iterator[str]:
    """Run a WSGI application as the product's image does; yield the address for signals."""
    [port] = free_ports(1)
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", LOOPBACK, "--port", str(port),
        "--workers", str(WORKERS), "--blocking-threads", str(WEB_THREADS), "--no-ws", "--log-level", "error",
        application,
    ]  # fmt: skip
    # The product's limit stays on; it must not be what is measured.
    environment = {"SIGNALS_PER_SECOND_PER_TOKEN": "1000000"}
    stand.start_command(name, tuple(command), environment=environment)
    yield from _until_stopped(stand, name, port)


@contextmanager
def _fastapi(stand: Stand) -> Iterator[str]:
    [port] = free_ports(1)
    command = [
        str(PEER_PYTHON), "-m", "uvicorn", "--host", LOOPBACK, "--port", str(port), "--workers", str(WORKERS),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error",
        "benchmarks.peers.fastapi_app:app",
    ]  # fmt: skip
    stand.start_command("fastapi", tuple(command), environment={"PYTHONPATH": str(Path.cwd())})
    yield from _until_stopped(stand, "fastapi", port)


def _until_stopped(stand: Stand, name: str, port: int) -> Iterator[str]:
    def answers() -> bool:
        """A page that does not exist is an answer of the application, not of the socket alone."""
        try:
            with httpx2.Client(timeout=5) as client:
                return client.get(f"http://{LOOPBACK}:{port}/api/nothing").status_code == 404
        except httpx2.HTTPError:
            return False

    stand.wait_for(name, answers)
    try:
        yield f"http://{LOOPBACK}:{port}/api/signals"
    finally:
        stand.stop(name)
