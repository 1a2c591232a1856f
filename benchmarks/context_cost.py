"""Does scoring an account get dearer with every signal it ever had? It reads buckets, so it should not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.evidence import Past, count_all, make_accounts, make_persons, score_all, spread, visits
from benchmarks.figures import Figure, Target
from benchmarks.rounds import take_turns
from benchmarks.stand import Stand
from contexts import selectors
from contexts.services.configs import share_active
from contexts.services.rescoring import rescore

SIGNALS, FEW, PERSONS, MANY_PERSONS = 1_000_000, 1_000, 5, 10_000
SMALL_SIGNALS, SMALL_PERSONS = 20_000, 500
ROUNDS, TIMES = 9, 5

Write = Callable[[UUID, list[UUID], int, datetime], Iterator[Past]]


class Case(NamedTuple):
    """A figure's name, how its signals lie, of how many persons, and how many the small account has."""

    name: str
    write: Write
    persons: int
    few: int


def run(stand: Stand) -> Iterator[Figure]:
    """Measure with few persons, then with many."""
    signals = stand.sizes.signals or (SMALL_SIGNALS if stand.small else SIGNALS)
    many_persons = SMALL_PERSONS if stand.small else MANY_PERSONS
    few = Case("context.score_cost", spread, PERSONS, FEW)
    yield _measure(stand, few, signals)
    yield _measure(stand, Case("context.score_cost_persons", visits, many_persons, many_persons), signals)


def _measure(stand: Stand, case: Case, signals: int) -> Figure:
    now, (name, write, persons, few) = timezone.now(), case
    many_id, few_id = _load(write, persons, [signals, few], now)
    with stand.connect() as onlooker:
        onlooker.execute("VACUUM ANALYZE")  # as autovacuum will have done to tables of that size
    compared = take_turns(
        ours=lambda: _score(many_id), peer=lambda: _score(few_id), rounds=2 if stand.small else ROUNDS
    )
    explained = {"ours": _explain(many_id), "peer": _explain(few_id)}
    return Figure(
        name=name,
        what="one account scored: evidence read, band and hot_until judged, row written, committed",
        unit="s",
        ours=compared.ours,
        ours_is=f"an account with {signals:,} past signals of {persons:,} persons",
        peer=compared.peer,
        peer_is=f"one with {few:,} of the same types, persons and time span, in the same tables",
        ratio=compared.ratio,
        target=Target("ratio", "most", 1.2),
        better="lower",
        conditions={
            "signals": signals,
            "persons": persons,
            "buckets": _count_buckets(many_id),
            "peer_buckets": _count_buckets(few_id),
        },
        details=compared.to_json() | {"explained_seconds_without_cache": explained},
    )


def _load(write: Write, persons: int, sizes: Sequence[int], now: datetime) -> list[UUID]:
    """Return accounts of the given numbers of signals, all of the same persons."""
    account_ids, people = make_accounts(len(sizes), now), make_persons(persons, now)
    for account_id, signals in zip(account_ids, sizes, strict=True):
        count_all(write(account_id, people, signals, now), now)
    score_all(account_ids, now)
    return account_ids


def _score(account_id: UUID) -> float:
    """Return the median seconds of scoring an account."""
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        with transaction.atomic():
            rescore(
                account_ids=[account_id], configs=share_active(), now=timezone.now(), changed=[account_id]
            )
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def _explain(account_id: UUID) -> float:
    """Return the seconds of the first read of a score with its signals, which a cache then answers."""
    began = time.perf_counter()
    selectors.get_score(account_id=account_id, as_of=timezone.now())
    return round(time.perf_counter() - began, 4)


def _count_buckets(account_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contexts_scorebucket WHERE account_id = %s", [account_id])
        return int(cursor.fetchone()[0])
