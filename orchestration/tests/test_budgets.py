"""The cap holds: at once, without Redis, after Redis forgot, and through every settlement."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from orchestration import budgets
from orchestration.budgets import BudgetRefused
from orchestration.models import EnrichmentSpend

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
CAP = 500_000


def reserve(account_id: object, price: int = 100_000, **fields: Any) -> EnrichmentSpend:
    return budgets.reserve(
        account_id=account_id,
        provider="clearbit",
        max_micro_dollars=price,
        **{"crossing_id": uuid4(), "now": NOW} | fields,
    )


def committed(account_id: object) -> int:
    return budgets.get_budget(account_id=account_id, now=NOW).committed


@pytest.mark.django_db
class TestReserve:
    def test_the_sixth_call_of_ten_cents_is_refused(self) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)

        with pytest.raises(BudgetRefused) as refusal:
            reserve(account_id)

        assert refusal.value.code == "exhausted"
        assert committed(account_id) == CAP

    def test_redis_down_means_no(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nowhere = Redis(host="127.0.0.1", port=1)
        monkeypatch.setattr(budgets, "get_redis_connection", lambda _: nowhere)

        with pytest.raises(BudgetRefused) as refusal:
            reserve(uuid4())

        assert refusal.value.code == "unavailable"
        assert EnrichmentSpend.objects.count() == 0

    def test_a_forgetful_redis_is_rebuilt_from_the_ledger(self, redis_server: Redis) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)
        redis_server.flushall()

        with pytest.raises(BudgetRefused):
            reserve(account_id)

    def test_a_redis_that_knows_too_little_is_overruled_by_the_ledger(self, redis_server: Redis) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)
        redis_server.set(budgets.budget_of(account_id=account_id, now=NOW).key, 0)

        with pytest.raises(BudgetRefused):
            reserve(account_id)
        assert committed(account_id) == CAP

    def test_a_crossing_is_asked_for_once(self) -> None:
        account_id, crossing_id = uuid4(), uuid4()
        reserve(account_id, crossing_id=crossing_id)

        with pytest.raises(BudgetRefused) as refusal:
            reserve(account_id, crossing_id=crossing_id)

        assert refusal.value.code == "repeated"
        assert committed(account_id) == 100_000

    def test_a_new_month_has_a_new_budget(self) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)

        assert reserve(account_id, now=datetime(2026, 12, 1, tzinfo=UTC)).month.month == 12


@pytest.mark.django_db(transaction=True)
class TestSettle:
    def test_a_miss_gives_the_money_back_once(self) -> None:
        account_id = uuid4()
        spends = [reserve(account_id) for _ in range(5)]

        assert budgets.settle(spend=spends[0], micro_dollars=0, outcome="miss", now=NOW)
        assert not budgets.settle(spend=spends[0], micro_dollars=0, outcome="miss", now=NOW)

        assert committed(account_id) == 400_000
        reserve(account_id)
        with pytest.raises(BudgetRefused):
            reserve(account_id)

    def test_more_than_reserved_is_refused(self) -> None:
        with pytest.raises(ValueError, match="more than"):
            budgets.settle(spend=reserve(uuid4()), micro_dollars=100_001, outcome="hit", now=NOW)

    def test_calls_at_once_never_exceed_the_cap(self, redis_server: Redis) -> None:
        account_id = uuid4()

        def attempt(number: int) -> int:
            try:
                if number % 7 == 0:
                    redis_server.flushall()
                spend = reserve(account_id, price=60_000)
                budgets.settle(spend=spend, micro_dollars=50_000, outcome="hit", now=NOW)
                return 50_000
            except BudgetRefused:
                return 0
            finally:
                connection.close()

        with ThreadPoolExecutor(max_workers=8) as pool:
            spent = sum(pool.map(attempt, range(40)))

        assert 400_000 < spent <= CAP
        assert committed(account_id) == spent


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.sampled_from(["reserve", "settle", "forget"]), st.integers(0, 200_000))))
def test_no_sequence_of_calls_exceeds_the_cap(steps: list[tuple[str, int]], redis_server: Redis) -> None:
    account_id, open_spends = uuid4(), []
    for step, amount in steps:
        if step == "reserve":
            with suppress(BudgetRefused):
                open_spends.append(reserve(account_id, price=amount))
        elif step == "settle" and open_spends:
            spend = open_spends.pop()
            budgets.settle(
                spend=spend, micro_dollars=min(amount, spend.max_micro_dollars), outcome="hit", now=NOW
            )
        else:
            redis_server.flushall()
        assert committed(account_id) <= CAP
