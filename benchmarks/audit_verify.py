"""How fast the whole log is verified: every row read, every leaf recomputed outside the database.

The rows are written by `audit.record` with what `signal.ingested` says, and sealed by the sealer's own code.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from benchmarks import machine
from benchmarks.figures import Fact, Figure, Target
from benchmarks.rounds import Comparison, take_turns
from benchmarks.stand import Stand
from compliance import audit
from compliance.sealing import canonical
from compliance.sealing.anchors import Anchors
from compliance.sealing.keys import Signer
from compliance.sealing.sealing import Sealer
from compliance.sealing.verification import Verification

EVENTS, SMALL_EVENTS, ROUNDS = 200_000, 3_000, 3
CHUNK = 1_000


class NotSound(RuntimeError):
    """The verification found fault with an untouched log, so its speed means nothing."""


class Timing(NamedTuple):
    """Events per second of one turn: by the wall clock, and per CPU-second of ours and of everybody's."""

    wall: float
    cpu: float
    total_cpu: float


@dataclass(frozen=True)
class Clock:
    """One way to look at the same turns."""

    figure: str
    reads: Literal["wall", "cpu", "total_cpu"]
    unit: str
    what: str
    target: Target | None = None


CLOCKS = (
    Clock("audit.verify", "wall", "events/s", "by the wall clock; one process, the database beside it"),
    Clock(
        "audit.verify.cpu", "cpu", "events/CPU-s", "per CPU-second of the verifier",
        Target("ours", "least", 40_000),
    ),
    Clock("audit.verify.total_cpu", "total_cpu", "events/CPU-s", "per CPU-second of verifier and database"),
)  # fmt: skip


class Stopwatch:
    """Times the turns of both sides."""

    def __init__(self) -> None:
        self.timings: dict[str, list[Timing]] = {"ours": [], "peer": []}

    def time(self, side: str, work: Callable[[], int]) -> float:
        """Do the work and keep its rates; return that of the wall clock."""
        backend = connection.connection.info.backend_pid
        began, cpu, its = time.perf_counter(), time.process_time(), machine.read_cpu_seconds(backend)
        events = work()
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        total = cpu + machine.read_cpu_seconds(backend) - its
        self.timings[side].append(Timing(events / wall, events / cpu, events / total))
        return events / wall

    def compare(self, clock: Clock) -> Comparison:
        """Return the rounds by one clock."""
        ours, peer = ([getattr(turn, clock.reads) for turn in turns] for turns in self.timings.values())
        return Comparison(list(zip(ours, peer, strict=True)))


def run(stand: Stand) -> Iterator[Figure]:
    """Write and seal the events, then verify all of them beside a bare fetch of the same rows."""
    events = stand.sizes.events or (SMALL_EVENTS if stand.small else EVENTS)
    anchors = Anchors(stand.anchors_folder)
    _write(events)
    _seal(anchors)
    with stand.connect() as onlooker:
        onlooker.execute("VACUUM ANALYZE")  # as autovacuum will have done to a log of that size
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # the bare fetch is one statement
    watch, rounds = Stopwatch(), 1 if stand.small else ROUNDS
    take_turns(
        ours=lambda: watch.time("ours", lambda: verify(anchors, events)),
        peer=lambda: watch.time("peer", _fetch),
        rounds=rounds,
    )
    for clock in CLOCKS:
        if not math.isnan(watch.timings["ours"][0].total_cpu) or clock.reads != "total_cpu":
            yield _figure(clock, watch.compare(clock), {"events": events, "rounds": rounds})


def verify(anchors: Anchors, expected: int) -> int:
    """Verify as `manage.py verify_audit` does; return the rows.

    Raises:
        NotSound: the report has findings, or misses rows.
    """
    work = Verification(anchors=anchors)
    while not work.is_read:
        work.step()
    report = work.finish(now=timezone.now())
    if not report.is_sound or report.rows != expected:
        raise NotSound(f"{report.rows} of {expected} rows, first finding: {report.first}")
    return report.rows


def _figure(clock: Clock, compared: Comparison, conditions: Mapping[str, Fact]) -> Figure:
    return Figure(
        name=clock.figure,
        what=f"audit events verified, {clock.what}",
        unit=clock.unit,
        ours=compared.ours,
        ours_is="every leaf recomputed from its row; tree, signatures and anchors checked",
        peer=compared.peer,
        peer_is="the same rows only fetched, by one COPY",
        ratio=compared.ratio,
        target=clock.target,
        conditions=conditions,
        details=compared.to_json(),
    )


def _write(events: int) -> None:
    for start in range(0, events, CHUNK):
        now = timezone.now()
        with transaction.atomic():
            audit.record([_entry(number, now) for number in range(start, min(start + CHUNK, events))])


def _entry(number: int, now: datetime) -> audit.AuditEntry:
    digest = hashlib.sha256(number.to_bytes(8))
    return audit.AuditEntry(
        name="signal.ingested",
        actor="user:7",
        target_type="signal",
        target_id=str(UUID(bytes=digest.digest()[:16])),
        at=now,
        payload={"source": "salesforce", "type": "opportunity_stage_changed", "sha256": digest.hexdigest()},
        request_id=digest.hexdigest()[:32],
    )


def _seal(anchors: Anchors) -> None:
    sealer = Sealer(signer=Signer(settings.AUDIT_SIGNING_KEY), anchors=anchors, now=timezone.now())
    while sealer.seal(now=timezone.now()):
        pass


def _fetch() -> int:
    with canonical.copy_lines(f"SELECT {canonical.COLUMN_LIST} FROM audit_logs a", []) as lines:
        return sum(1 for _ in lines)
