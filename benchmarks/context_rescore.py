"""How fast other weights reach every account, and where the time goes."""

from __future__ import annotations

import cProfile
import math
import pstats
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from benchmarks import machine
from benchmarks.evidence import TYPES, Past, count_all, make_accounts, make_persons, score_all
from benchmarks.figures import Figure, Target
from benchmarks.stand import Stand
from contexts.selectors import get_active
from contexts.services import rollouts
from contexts.services.configs import store_configs

ACCOUNTS, SMALL_ACCOUNTS = 100_000, 600
SIGNALS_EACH, PERSONS = 8, 500
PROFILED_CHUNKS = 6
# Functions whose own share of the time is told, callees included.
PARTS = {
    "read_buckets": "evidence read",
    "score": "scores",
    "falls_below": "hot_until",
    "_write": "rows written",
    "announce": "audit and outbox",
}


def run(stand: Stand) -> Iterator[Figure]:
    """Load accounts of which a part is hot, then bring other weights into use."""
    accounts = stand.sizes.accounts or (SMALL_ACCOUNTS if stand.small else ACCOUNTS)
    _load(accounts)
    with stand.connect() as onlooker:
        onlooker.execute("VACUUM ANALYZE")
    rollout = _open(0.9)
    while rollout.activated_at is None:
        rollout = rollouts.step(rollout_id=rollout.pk, now=timezone.now()) or rollout
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM account_contexts WHERE band = 'hot'")
        [hot] = cursor.fetchone()
    backend = connection.connection.info.backend_pid
    began, cpu, its = time.perf_counter(), time.process_time(), machine.read_cpu_seconds(backend)
    while rollout.finished_at is None:
        rollout = rollouts.step(rollout_id=rollout.pk, now=timezone.now()) or rollout
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    total = cpu + machine.read_cpu_seconds(backend) - its
    yield Figure(
        name="context.rescore",
        what="accounts scored anew after a change of weights, hot_until, row, audit and events included",
        unit="accounts/CPU-s",
        ours=accounts / (wall if math.isnan(total) else total),
        ours_is="one connection; per CPU-second of the process and its database backend together",
        target=Target("ours", "least", 2_000),
        conditions={"accounts": accounts, "signals_each": SIGNALS_EACH, "hot_before": hot},
        details={
            "accounts_per_second": round(accounts / wall),
            "process_cpu_seconds": round(cpu, 2),
            "backend_cpu_seconds": round(total - cpu, 2),
            "share_of_time": _profile(),
        },
    )


def _open(factor: float) -> Any:
    now, active = timezone.now(), get_active()
    weight = replace(active.weight, rho=active.weight.rho * factor)
    _, version = store_configs(weight=weight, note="bench", now=now)
    return rollouts.open_rollout(
        decay_version=active.decay.version, weight_version=version or 0, actor="system:bench", now=now
    )


def _load(accounts: int) -> None:
    now, dice = timezone.now(), Random(1)  # noqa: S311 - nothing secret
    account_ids, persons = make_accounts(accounts, now), make_persons(PERSONS, now)
    count_all(_signals(account_ids, persons, dice), now)
    score_all(account_ids, now)


def _signals(account_ids: list[UUID], persons: list[UUID], dice: Random) -> Iterator[Past]:
    now, kinds = timezone.now(), (*TYPES, "demo_requested", "meeting_booked", "email_reply", "trial_started")
    for account_id in account_ids:
        for _ in range(SIGNALS_EACH):
            at = now - timedelta(days=60) * dice.random() ** 2
            yield Past(account_id, dice.choice(persons), dice.choice(kinds), at)


def _profile() -> dict[str, float]:
    """Return the shares of the parts in more chunks, by a profiler, which makes Python look dearer."""
    rollout = _open(1.1)
    while rollout.activated_at is None:
        rollout = rollouts.step(rollout_id=rollout.pk, now=timezone.now()) or rollout
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(PROFILED_CHUNKS):
        rollouts.step(rollout_id=rollout.pk, now=timezone.now())
    profile.disable()
    stats = pstats.Stats(profile)
    total: float = stats.total_tt  # type: ignore[attr-defined]
    shares = dict.fromkeys(PARTS.values(), 0.0)
    for (path, _, function), row in stats.stats.items():  # type: ignore[attr-defined]
        if function in PARTS and "/contexts/" in path:
            shares[PARTS[function]] += row[3] / total
    return {name: round(share, 3) for name, share in shares.items()}
