"""Many calls at once on one account, while Redis forgets and the month turns: never above the cap.

The callers are threads with connections of their own; PostgreSQL, Redis and the provider are real servers.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import Sum
from redis import Redis

from contexts.services.seeding import seed_test_account
from integrations.enrichment.contracts import FIELDS, Provider
from integrations.sandbox.server import SandboxServer
from integrations.sandbox.store import Fault
from orchestration.budgets import BudgetRefused
from orchestration.models import EnrichmentSpend
from orchestration.services.enrichment import Order, buy
from orchestration.tests.stories import list_audit
from revctx.devstack import postgres

pytestmark = pytest.mark.django_db(transaction=True)
TURN = datetime(2026, 12, 1, tzinfo=UTC)
CAP, PRICE = 500_000, 100_000


class TurningClock:
    """Tells the last moments of November until half of the callers have begun, then those of December."""

    def __init__(self, callers: int) -> None:
        self.half, self.begun, self.lock = callers // 2, 0, threading.Lock()
        self.started = time.monotonic()

    def begin(self) -> None:
        with self.lock:
            self.begun += 1

    def __call__(self) -> datetime:
        elapsed = timedelta(seconds=time.monotonic() - self.started)
        return TURN + elapsed if self.begun > self.half else TURN - timedelta(seconds=30) + elapsed


def run_at_once(callers: int, call: Callable[[int], str], *, meanwhile: Callable[[], Any]) -> Counter[str]:
    """Let all callers go at the same moment, and repeat something else until they are done."""
    barrier, outcomes, errors = threading.Barrier(callers + 1), Counter[str](), []

    def work(number: int) -> None:
        try:
            barrier.wait(60)
            outcomes[call(number)] += 1
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    barrier.wait(60)
    while any(thread.is_alive() for thread in threads):
        meanwhile()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert not errors, errors[:3]
    return outcomes


def spent() -> dict[str, int]:
    """Return what the ledger says of each month."""
    rows = EnrichmentSpend.objects.values_list("month").annotate(total=Sum("micro_dollars"))
    return {f"{month:%Y-%m}": total for month, total in rows}


def call_at_once(callers: int, sandbox: SandboxServer, redis: Redis) -> tuple[Counter[str], list[int]]:
    """Have each caller ask a provider of its own, so that money alone holds it back."""
    account_id = seed_test_account(now=TURN - timedelta(days=1))
    base = f"http://127.0.0.1:{sandbox.server_address[1]}"
    sandbox.store.add_fault(Fault(kind="lost_answer", path="/facts", times=2))
    sandbox.store.add_fault(Fault(kind="delay", path="/facts", seconds=0.05, times=20))
    clock, seen = TurningClock(callers), []

    def call(number: int) -> str:
        provider = Provider(
            id=uuid4(), slug=f"p{number}", label="", kind="plain", base_url=f"{base}/plain/p{number}",
            api_key="k", fields=frozenset(FIELDS), price=PRICE,
        )  # fmt: skip
        clock.begin()
        order = Order(account_id=account_id, domain="northwind.example", provider=provider, crossing_id=None)
        try:
            return "called" if buy(order=order, clock=clock) else "lapsed"
        except BudgetRefused as refusal:
            return refusal.code

    def look() -> None:
        redis.flushall()
        seen.extend(spent().values())

    return run_at_once(callers, call, meanwhile=look), seen


def check(outcomes: Counter[str], seen: list[int], sandbox: SandboxServer) -> None:
    """Compare the ledger with the cap, the provider's own count and the audit log."""
    paid = sum(number for path, number in sandbox.store.calls.items() if path.endswith("/facts"))
    rows = list(EnrichmentSpend.objects.all())
    assert max(seen + list(spent().values())) <= CAP
    assert spent().keys() == {"2026-11", "2026-12"}
    assert min(spent().values()) >= CAP - PRICE
    assert all(row.state == "settled" and row.micro_dollars == PRICE for row in rows)
    assert paid == outcomes["called"] == len(rows)
    assert paid * PRICE == sum(spent().values())
    audited = [row for row in list_audit(rows[0].account_id) if row["name"] == "enrichment.called"]
    assert {row["payload"]["reservation_id"] for row in audited} == {str(row.id) for row in rows}


def test_sixty_calls_at_once(sandbox: SandboxServer, redis_server: Redis) -> None:
    outcomes, seen = call_at_once(60, sandbox, redis_server)

    check(outcomes, seen, sandbox)


@pytest.fixture
def roomy_postgres(services: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let PostgreSQL take a connection from each of 200 callers at the same time."""
    monkeypatch.setitem(postgres.OPTIONS, "max_connections", "320")
    restart(services)
    yield
    monkeypatch.undo()
    restart(services)


def restart(services: Any) -> None:
    connections.close_all()
    services.postgres.stop()
    services.postgres.start()


@pytest.mark.long
@pytest.mark.parametrize("attempt", range(5))
def test_two_hundred_calls_at_once(
    attempt: int, roomy_postgres: None, sandbox: SandboxServer, redis_server: Redis
) -> None:
    started = time.monotonic()
    outcomes, seen = call_at_once(200, sandbox, redis_server)

    check(outcomes, seen, sandbox)
    print(f"\n{attempt}: {dict(outcomes)}, {spent()}, {len(seen)} looks, {time.monotonic() - started:.1f} s")
