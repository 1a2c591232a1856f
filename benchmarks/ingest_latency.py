"""From the request of a signal to its account's new score, beside the bare hops on that way.

The whole pipeline runs. Its peak is found first: 64 connections post as fast as they are answered, and the
clock stops when all is scored. Then signals are due at even intervals, a quarter of the peak. A signal is
scored when the transaction that wrote its ledger row has committed: PostgreSQL notes that moment just before
it flushes, so the median of a bare commit is added to it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from django.utils import timezone

from benchmarks.figures import Fact, Figure, Target
from benchmarks.hops import Hops
from benchmarks.ingest_rates import load, prepare, serve
from benchmarks.ingest_scored import ACCOUNTS, BATCH, PIPELINE, make_draft, name_account
from benchmarks.machine import measure_commit
from benchmarks.rounds import Comparison, percentile, take_turns
from benchmarks.stand import Stand
from signals.services.ingest import ingest_signals

CONNECTIONS, ROUNDS = 64, 3
PEAK_SECONDS, ROUND_SECONDS, HOPS_A_ROUND = 10.0, 15.0, 400
SMALL_PEAK_SECONDS, SMALL_ROUND_SECONDS, SMALL_HOPS, SMALL_RATE = 0.5, 1.0, 20, 40.0
LONGEST_SECONDS, LOOK_SECONDS = 180.0, 0.1
SHARE_OF_PEAK = 0.25
OURS_IS = "POST /api/signals until the commit of the score: web, relay, Kafka, bridge, Celery, worker"
PEER_IS = "the bare hops one after the other: commit, produce and consume, Celery message, commit"

# When each signal was stored, came to the bridge, was claimed and was scored, seconds of the epoch.
_STAGES = """
SELECT s.id::text,
       extract(epoch FROM pg_xact_commit_timestamp(s.xmin))::float8,
       extract(epoch FROM w.created_at)::float8,
       extract(epoch FROM l.recorded_at)::float8,
       extract(epoch FROM pg_xact_commit_timestamp(l.xmin))::float8
FROM unnest(%s::uuid[]) AS asked(id)
JOIN signals s ON s.id = asked.id
JOIN work_items w ON w."group" = 'context-engine' AND w.data->>'signal_id' = s.id::text
JOIN contexts_ledgerentry l ON l.signal_id = s.id
"""
STAGES = ("stored", "at the bridge", "claimed", "scored")


def run(stand: Stand) -> Iterator[Figure]:
    """Find the peak, then measure at a quarter of it, in turns with the bare hops."""
    token = prepare(stand)
    with stand.noting_commit_times(), serve(stand, "ours", "revctx.wsgi:application") as url:
        stand.start(*PIPELINE)
        way = _Way(stand, url, token)
        way.warm()
        peak = way.find_peak()
        rate = SMALL_RATE if stand.small else peak * SHARE_OF_PEAK
        hops = _Hops(Hops(stand, count=SMALL_HOPS if stand.small else HOPS_A_ROUND, rate=rate))
        middle = take_turns(
            ours=lambda: way.measure(rate), peer=hops.measure, rounds=1 if stand.small else ROUNDS
        )
    late = Comparison([(late, other) for late, other in zip(way.late, hops.late, strict=True)])
    conditions: dict[str, Fact] = {
        "broker": "Apache Kafka" if stand.given_broker else "embedded",
        "signals_per_second": round(rate, 1),
        "peak_signals_per_second": round(peak, 1),
        "round_seconds": way.seconds,
        "rounds": len(way.late),
    }
    details = {"stages_ms": way.stages, "hops_ms": hops.medians}
    yield _figure("p50", "the median", middle, conditions, details)
    yield _figure("p99", "99th percentile", late, conditions, {})


def _figure(
    name: str, what: str, compared: Comparison, conditions: Mapping[str, Fact], details: dict[str, Any]
) -> Figure:
    return Figure(
        name=f"ingest.latency_{name}",
        what=f"from the request to the score at a quarter of the peak, {what}",
        unit="ms",
        ours=compared.ours,
        ours_is=OURS_IS,
        peer=compared.peer,
        peer_is=PEER_IS,
        ratio=compared.ratio,
        target=Target("ratio", "most", 2.0),
        better="lower",
        conditions=conditions,
        details=compared.to_json() | details,
    )


@dataclass
class _Way:
    """The product's way; times in milliseconds."""

    stand: Stand
    url: str
    token: str
    late: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Return how long a round is."""
        return SMALL_ROUND_SECONDS if self.stand.small else ROUND_SECONDS

    def warm(self) -> None:
        """Have every account seen once, and every process have done some work."""
        accounts = 50 if self.stand.small else ACCOUNTS
        for start in range(0, accounts, BATCH):
            now = timezone.now()
            numbers = range(start, min(start + BATCH, accounts))
            drafts = [make_draft(name_account(number), now) for number in numbers]
            ingest_signals(drafts=drafts, actor="system:bench", now=now)
        self._wait_until_scored()
        load(self.url, self.token, seconds=0.3, connections=CONNECTIONS)
        self._wait_until_scored()
        with self.stand.connect() as connection:
            connection.execute("VACUUM ANALYZE")  # which autovacuum does within a minute

    def find_peak(self) -> float:
        """Return signals a second that were posted and scored."""
        seconds = SMALL_PEAK_SECONDS if self.stand.small else PEAK_SECONDS
        before, began = self._count(), time.monotonic()
        load(self.url, self.token, seconds=seconds, connections=CONNECTIONS)
        self._wait_until_scored()
        return (self._count() - before) / (time.monotonic() - began)

    def measure(self, rate: float) -> float:
        """Post at a rate; keep the 99th percentile and the stages, return the median."""
        trace = self.stand.folder / "trace.json"
        pace = ("--rate", str(rate), "--trace", str(trace))
        load(self.url, self.token, seconds=self.seconds, connections=CONNECTIONS, pace=pace)
        self._wait_until_scored()
        sent = dict(json.loads(trace.read_text(encoding="utf-8")))
        with self.stand.connect() as connection:
            rows = connection.execute(_STAGES, [list(sent)]).fetchall()
        if len(rows) != len(sent):
            raise RuntimeError(f"{len(rows)} of {len(sent)} signals were scored")
        times = [[sent[signal_id], *moments] for signal_id, *moments in rows]
        flush = self._flush()
        taken = [1000 * (moments[-1] + flush - moments[0]) for moments in times]
        self.late.append(percentile(taken, 99))
        self.stages.append(_medians(times))
        return float(median(taken))

    def _flush(self) -> float:
        """Return the median seconds of a bare commit."""
        with self.stand.connect() as connection:
            return measure_commit(connection)

    def _count(self) -> int:
        with self.stand.connect() as connection:
            [(count,)] = connection.execute("SELECT count(*) FROM contexts_ledgerentry").fetchall()
        return int(count)

    def _wait_until_scored(self) -> None:
        """Wait until every stored signal has its ledger row.

        Raises:
            RuntimeError: it takes too long.
        """
        deadline = time.monotonic() + LONGEST_SECONDS
        with self.stand.connect() as connection:
            while True:
                [(waiting,)] = connection.execute(
                    "SELECT (SELECT count(*) FROM signals) - (SELECT count(*) FROM contexts_ledgerentry)"
                ).fetchall()
                if not waiting:
                    return
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{waiting} signals are not scored after {LONGEST_SECONDS:g} s")
                time.sleep(LOOK_SECONDS)


@dataclass
class _Hops:
    """The sum of the hops; times in milliseconds."""

    hops: Hops
    late: list[float] = field(default_factory=list)
    medians: list[dict[str, float]] = field(default_factory=list)

    def measure(self) -> float:
        """Measure every hop; keep the 99th percentile of their sums, return the sums' median.

        The hops were not measured on one message, so the sums are made of times drawn at random.
        """
        times = self.hops.measure()
        self.medians.append({name: round(1000 * median(taken), 2) for name, taken in times.items()})
        choice = random.Random(1)  # noqa: S311 - no secret
        on_the_way = ("commit", "kafka", "celery", "commit")
        sums = [1000 * sum(choice.choice(times[name]) for name in on_the_way) for _ in range(10_000)]
        self.late.append(percentile(sums, 99))
        return median(sums)


def _medians(times: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return the median milliseconds from each moment to the next."""
    steps = {
        name: [1000 * (moments[place + 1] - moments[place]) for moments in times]
        for place, name in enumerate(STAGES)
    }
    return {name: round(median(taken), 2) for name, taken in steps.items()}
