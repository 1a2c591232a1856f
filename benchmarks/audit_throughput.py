"""What the sealer costs those who write, and how soon it seals what they wrote.

The transaction is the product's own: `ingest_signals`, which writes a signal, its key, its audit row and its
outbox event; one signal a transaction, and many, for the sealer's work is by the row. The clients, the
database and the sealer share the machine.
"""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from benchmarks import machine
from benchmarks.clients import Clients
from benchmarks.figures import Figure, Target
from benchmarks.rounds import percentile, take_turns
from benchmarks.stand import Stand
from compliance.sealing.checkpoints import read_note
from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals

CLIENTS, BATCH = 4, 100
ROUNDS, ROUND_SECONDS = 5, 8.0
STEADY_SECONDS, STEADY_RATE = 60.0, 100  # transactions a second, all clients together
LOOK_SECONDS = 0.002
_WAITING = "SELECT (SELECT count(*) FROM audit_logs) - (SELECT count(*) FROM audit_leaves)"
_INDEXES = """
SELECT a.target_id::uuid, l."index" FROM audit_leaves l
JOIN audit_logs a ON a.id = l.event_id AND a.recorded_at = l.recorded_at WHERE a.target_type = 'signal'
"""

Commit = tuple[UUID, float]


def run(stand: Stand) -> Iterator[Figure]:
    """Measure the throughput with and without the sealer, then its lag at a steady rate."""
    with Clients(count=_count_clients(stand), work=write) as clients:
        clients.run(seconds=0.2 if stand.small else 1.0)
        yield _measure_throughput(stand, clients, name="audit.throughput", batch=1)
        yield _measure_throughput(stand, clients, name="audit.throughput.batch", batch=BATCH)
        yield _measure_lag(stand, clients)


def write(number: int, *, seconds: float, rate: float = 0.0, batch: int = 1) -> list[Commit]:
    """Ingest signals, ``batch`` a transaction, as fast as it goes or at a rate of transactions a second.

    Returns the signals' ids, each with the time of its commit.
    """
    commits: list[Commit] = []
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        if rate and (early := len(commits) / batch / rate - elapsed) > 0:
            time.sleep(early)
        now = timezone.now()
        drafts = [_draft(f"account-{number}-{at}", now) for at in range(batch)]
        results = ingest_signals(drafts=drafts, actor="system:bench", now=now)
        committed = time.time()
        commits.extend((result.signal_id, committed) for result in results)
    return commits


def _draft(account: str, now: datetime) -> SignalDraft:
    return SignalDraft(
        source="web",
        type="pricing_page_view",
        external_id=str(uuid4()),
        occurred_at=now - timedelta(minutes=1),
        account={"crm_id": account},
    )


def _measure_throughput(stand: Stand, clients: Clients, *, name: str, batch: int) -> Figure:
    seconds = 0.5 if stand.small else ROUND_SECONDS
    shares: list[float] = []

    def sealed() -> float:
        stand.start("sealer")
        _wait_until_sealed(stand)  # the rows of the round without it are not this round's work
        sealer = stand.processes["sealer"].pid
        used = machine.read_cpu_seconds(sealer)
        rate = _count(clients.run(seconds=seconds, batch=batch)) / seconds
        shares.append((machine.read_cpu_seconds(sealer) - used) / seconds)
        stand.stop("sealer")
        return rate

    def unsealed() -> float:
        return _count(clients.run(seconds=seconds, batch=batch)) / seconds

    compared = take_turns(ours=sealed, peer=unsealed, rounds=1 if stand.small else ROUNDS)
    return Figure(
        name=name,
        what="audited rows written while the log is being sealed",
        unit="rows/s",
        ours=compared.ours,
        ours_is=f"ingest_signals, {batch} a transaction, the sealer running",
        peer=compared.peer,
        peer_is="the same with the sealer stopped",
        ratio=compared.ratio,
        target=Target("ratio", "least", 0.85),
        conditions={
            "clients": _count_clients(stand),
            "batch": batch,
            "rounds": len(compared.pairs),
            "round_seconds": seconds,
        },
        details=compared.to_json() | {"sealer_process_cores": [round(share, 3) for share in shares]},
    )


def _measure_lag(stand: Stand, clients: Clients) -> Figure:
    seconds = 1.5 if stand.small else STEADY_SECONDS
    stand.start("sealer")
    _wait_until_sealed(stand)
    with Lookout(stand.anchors_folder) as lookout:
        commits = clients.run(seconds=seconds, rate=STEADY_RATE / _count_clients(stand))
        _wait_until_sealed(stand)
        time.sleep(10 * LOOK_SECONDS)
    stand.stop("sealer")
    with stand.connect() as connection:
        indexes: dict[UUID, int] = dict(connection.execute(_INDEXES).fetchall())
    lags = sorted(
        lookout.time_of(indexes[signal_id]) - committed for part in commits for signal_id, committed in part
    )
    return Figure(
        name="audit.seal_lag",
        what="from a commit to the signed, anchored checkpoint that covers it; 99th percentile",
        unit="s",
        ours=percentile(lags, 99),
        ours_is="the sealer process at a steady rate",
        target=Target("ours", "most", 2.0),
        better="lower",
        conditions={"transactions_per_second": round(len(lags) / seconds), "seconds": seconds},
        details={"p50": round(percentile(lags, 50), 3), "most": round(lags[-1], 3), "count": len(lags)},
    )


def _count_clients(stand: Stand) -> int:
    return 1 if stand.small else CLIENTS


def _count(commits: list[list[Commit]]) -> int:
    return sum(len(part) for part in commits)


def _wait_until_sealed(stand: Stand) -> None:
    """Wait until every row has its leaf, and so the sealer is at work."""
    with stand.connect() as connection:
        stand.wait_for("the sealer", lambda: connection.execute(_WAITING).fetchone() == (0,), seconds=120)


class Lookout:
    """Watches the anchors and notes when each checkpoint appeared there, by the clients' clock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._sightings: list[tuple[float, int]] = []

    def __enter__(self) -> Lookout:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def time_of(self, index: int) -> float:
        """Return when a checkpoint was seen that covers a leaf, seconds since the epoch."""
        return self._sightings[bisect_right(self._sightings, index, key=itemgetter(1))][0]

    def _look(self) -> None:
        length = 0
        while not self._stop.wait(LOOK_SECONDS):
            seen, files = time.time(), sorted(self._folder.glob("checkpoints-*.jsonl"))
            longer = sum(path.stat().st_size for path in files)
            if longer == length or not (lines := files[-1].read_bytes().splitlines(keepends=True)):
                continue
            if lines[-1].endswith(b"\n"):
                length = longer
                self._sightings.append((seen, read_note(json.loads(lines[-1]))[0].size))
