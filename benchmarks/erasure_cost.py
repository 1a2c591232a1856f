"""What it costs to erase a person of whom there are very many signals, beside one of whom there are few.

The signals come in through `ingest_signals` in batches and are scored by the context engine's own service,
so that ledger and buckets hold the person as well; then `compliance.erasure.erase` is timed with its commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from benchmarks.clients import Clients
from benchmarks.figures import Figure, Target
from benchmarks.items import make_item
from benchmarks.rounds import take_turns
from benchmarks.stand import Stand
from compliance import erasure, subjects
from contexts.services.work import apply_signals
from signals.contracts import PersonDraft, SignalDraft
from signals.services.ingest import ingest_signals

MANY, SMALL_MANY, FEW = 100_000, 2_000, 10
ROUNDS, FEW_EACH_ROUND = 3, 5
BATCH, SPAN = 2_000, timedelta(days=90)  # signals a call, and the time over which a person's are spread
ACTOR = "system:bench"
TYPES = ("page_view", "pricing_page_view", "content_download", "product_usage")


def run(stand: Stand) -> Iterator[Figure]:
    """Load all persons first, so that both kinds are erased from the same tables, then erase in turns."""
    many, rounds = (SMALL_MANY, 1) if stand.small else (MANY, ROUNDS)
    with Clients(count=rounds, work=load) as clients:
        loaded = clients.run(many=many)
    with_many = [first for first, *_ in loaded]
    with_few = [person for _, *rest in loaded for person in rest]
    with stand.connect() as onlooker:
        onlooker.execute("VACUUM ANALYZE")  # as autovacuum will have done to tables of that size
        onlooker.execute("CHECKPOINT")
    for _ in loaded:
        _erase(with_few.pop())  # the first ones pay for connections and plans
    compared = take_turns(
        ours=lambda: _erase(with_many.pop()),
        peer=lambda: median(_erase(with_few.pop()) for _ in range(FEW_EACH_ROUND)),
        rounds=rounds,
    )
    yield Figure(
        name="erasure.cost",
        what="erasing one person, from the call to the commit",
        unit="s",
        ours=compared.ours,
        ours_is=f"a person with {many:,} signals, stored and scored",
        peer=compared.peer,
        peer_is=f"a person with {FEW} signals in the same tables",
        ratio=compared.ratio,
        target=Target("ratio", "most", 2.0),
        better="lower",
        conditions={"signals": many, "rounds": rounds, "erased_with_few": rounds * FEW_EACH_ROUND},
        details=compared.to_json(),
    )


def load(number: int, *, many: int) -> list[UUID]:
    """Load a person with many signals and some with few; return them in that order."""
    now = timezone.now()
    few = [_load(f"few-{number}-{other}@bench.test", FEW, now) for other in range(FEW_EACH_ROUND + 1)]
    return [_load(f"many-{number}@bench.test", many, now), *few]


def _load(email: str, signals: int, now: datetime) -> UUID:
    """Store and score a person's signals; return the person."""
    for start in range(0, signals, BATCH):
        drafts = [_draft(email, number, signals, now) for number in range(start, min(start + BATCH, signals))]
        results = ingest_signals(drafts=drafts, actor=ACTOR, now=now)
        items = [make_item(number, result.signal_id, now) for number, result in enumerate(results)]
        with transaction.atomic():
            apply_signals(items=items, now=now)
    return subjects.ensure_subjects(emails=[email], now=now)[email]


def _draft(email: str, number: int, total: int, now: datetime) -> SignalDraft:
    return SignalDraft(
        source="web",
        type=TYPES[number % len(TYPES)],
        external_id=f"{email}-{number}",
        occurred_at=now - SPAN * (number + 1) / (total + 1),
        account={"crm_id": f"account-of-{email.partition('@')[0]}"},
        person=PersonDraft(email=email, name="Ada Buyer", title="Head of Purchasing"),
        sealed={"page": f"/pricing?visit={number}"},
    )


def _erase(subject_id: UUID) -> float:
    began = time.perf_counter()
    erasure.erase(subject_id=subject_id, actor=ACTOR, now=timezone.now())
    return time.perf_counter() - began
