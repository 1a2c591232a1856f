"""Signals that are stored become scores: the product's pipeline beside one Celery task a signal.

Both sides find their queue full: ours the outbox, the peer's Redis. Then their processes are started, and
the clock starts when a tenth is scored, so that no start counts. Same cluster, same durability, the same
number of Celery workers, accounts at random from the same 5,000.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
from celery import Celery
from django.utils import timezone

from benchmarks.figures import Figure, Target
from benchmarks.ingest_rates import HERE
from benchmarks.rounds import take_turns
from benchmarks.stand import Stand
from revctx.devstack.processes import CELERY_WORKERS
from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals

ACCOUNTS, SMALL_ACCOUNTS = 5_000, 50
ROUNDS = 3
OURS_A_ROUND, PEERS_A_ROUND = 30_000, 2_000  # some ten seconds each
SMALL_OURS, SMALL_PEERS = 3_000, 60  # several chunks: one alone is scored between two looks
BATCH = 1_000
WORKERS = CELERY_WORKERS["context-engine"]
# The other bridge is part of it: the relay runs no further ahead of the slowest group than the broker keeps.
PIPELINE = (
    "relay", "bridge-context-engine", "bridge-orchestration-engine",
    *(f"context-engine-{number}" for number in range(1, WORKERS + 1)),
)  # fmt: skip
POLL_SECONDS, LONGEST_SECONDS = 0.1, 300.0
WARM_SHARE = 0.1
PEER_TASK = "benchmarks.peers.plain.celery.score"
_SCORED = "SELECT count(*) FROM contexts_ledgerentry"
_PEER_SCORED = "SELECT coalesce(sum(signals), 0) FROM peer.accounts"
_ADD_PEER_SIGNAL = """
INSERT INTO peer.signals
VALUES (%s, now(), %s, 'web', 'pricing_page_view', %s, jsonb_build_object('domain', %s::text), 1.5,
        '{"count": 3}')
"""


def run(stand: Stand) -> Iterator[Figure]:
    """Score in turns, after every account has been seen once on both sides."""
    ours_count, peers_count = (SMALL_OURS, SMALL_PEERS) if stand.small else (OURS_A_ROUND, PEERS_A_ROUND)
    accounts, rounds = (SMALL_ACCOUNTS, 1) if stand.small else (ACCOUNTS, ROUNDS)
    with stand.connect() as onlooker:
        onlooker.execute((HERE / "peers" / "schema.sql").read_text(encoding="utf-8"))
        onlooker.execute(
            "INSERT INTO peer.accounts SELECT 'company-' || n || '.example', 0, now(), 0 "
            "FROM generate_series(0, %s) AS n",
            [accounts - 1],
        )
        scoring = Scoring(stand, onlooker)
        if not stand.small:
            scoring.ours([name_account(number) for number in range(accounts)])
        compared = take_turns(
            ours=lambda: scoring.ours(choose_accounts(ours_count, accounts)),
            peer=lambda: scoring.peers(choose_accounts(peers_count, accounts)),
            rounds=rounds,
        )
    yield Figure(
        name="ingest.scored",
        what="stored signals that become scores, sustained",
        unit="signals/s",
        ours=compared.ours,
        ours_is=f"relay, Kafka, bridge, {WORKERS} context-engine workers: ledger, buckets, score, events",
        peer=compared.peer,
        peer_is=f"a Celery task a signal through Redis, {WORKERS} workers: one row locked, decayed, updated",
        ratio=compared.ratio,
        target=Target("ratio", "least", 20.0),
        conditions={
            "accounts": accounts,
            "rounds": rounds,
            "signals": ours_count,
            "peers_signals": peers_count,
            "workers": WORKERS,
        },
        details=compared.to_json(),
    )


def name_account(number: int) -> str:
    """Return the domain of an account."""
    return f"company-{number}.example"


def choose_accounts(count: int, accounts: int) -> list[str]:
    """Return accounts at random, always the same ones."""
    choice = random.Random(count)  # noqa: S311 - load, no secret
    return [name_account(choice.randrange(accounts)) for _ in range(count)]


class Scoring:
    """Fills the queues and watches them being worked off."""

    def __init__(self, stand: Stand, onlooker: psycopg.Connection) -> None:
        self.stand, self.onlooker = stand, onlooker
        self.celery = Celery(broker=stand.redis.url)

    def ours(self, accounts: Sequence[str]) -> float:
        """Store a signal an account, then return at what rate the pipeline scores them."""
        for start in range(0, len(accounts), BATCH):
            now = timezone.now()
            drafts = [make_draft(account, now) for account in accounts[start : start + BATCH]]
            ingest_signals(drafts=drafts, actor="system:bench", now=now)

        def begin() -> None:
            self.stand.start(*PIPELINE)

        return self._rate(_SCORED, len(accounts), begin, PIPELINE)

    def peers(self, accounts: Sequence[str]) -> float:
        """Store a signal an account with its task, then return at what rate the workers score them."""
        with self.onlooker.cursor() as cursor:
            rows = [(uuid4(), _occurred_at(timezone.now()), uuid4().hex, account) for account in accounts]
            cursor.executemany(_ADD_PEER_SIGNAL, rows)
        for signal_id, *_ in rows:
            self.celery.send_task(PEER_TASK, args=[str(signal_id)])
        names = [f"plain-{number}" for number in range(1, WORKERS + 1)]

        def begin() -> None:
            for name in names:
                self.stand.start_command(name, _plain_worker(name), environment=PLAIN_ENVIRONMENT)

        return self._rate(_PEER_SCORED, len(accounts), begin, names)

    def _rate(self, statement: str, count: int, begin: Callable[[], None], names: Sequence[str]) -> float:
        """Return signals a second, from the moment a tenth is scored until all are."""
        before = self._count(statement)
        begin()
        first, first_at = self._wait(statement, before + int(count * WARM_SHARE))
        last, last_at = self._wait(statement, before + count)
        self.stand.stop(*names)
        return (last - first) / max(last_at - first_at, POLL_SECONDS)

    def _wait(self, statement: str, wanted: int) -> tuple[int, float]:
        """Return how many were scored when it was enough, and the time of the clock then."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while (scored := self._count(statement)) < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{scored} of {wanted} signals were scored in {LONGEST_SECONDS:g} s")
            time.sleep(POLL_SECONDS)
        return scored, time.monotonic()

    def _count(self, statement: str) -> int:
        [(count,)] = self.onlooker.execute(statement).fetchall()
        return int(count)


PLAIN_ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.plain.settings"}


def _plain_worker(name: str) -> tuple[str, ...]:
    """Return the command of a peer's worker; its options are those of ours."""
    return (
        sys.executable, "-m", "celery", "-A", "benchmarks.peers.plain.celery", "--quiet", "worker",
        "--pool", "solo", "-n", f"{name}@%h", "--without-mingle", "--without-gossip", "--without-heartbeat",
    )  # fmt: skip


def make_draft(account: str, now: datetime) -> SignalDraft:
    """Return a visit of an hour ago to be stored."""
    return SignalDraft(
        source="web",
        type="pricing_page_view",
        external_id=uuid4().hex,
        occurred_at=_occurred_at(now),
        account={"domain": account},
        strength=1.5,
        attributes={"count": 3},
    )


def _occurred_at(now: datetime) -> datetime:
    return now.astimezone(UTC) - timedelta(hours=1)
