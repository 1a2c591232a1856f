"""The cap holds: without Redis, after Redis forgot, over crashes and settlements; one call at a time."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contexts.services import merging
from orchestration import budget_hints, budgets
from orchestration.budgets import BudgetRefused
from orchestration.models import EnrichmentSpend
from orchestration.tests.stories import list_audit, score_only, utc_now

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
LATER = NOW + budgets.FLIGHT
CAP = 500_000
STEPS = ("reserve", "dispatch", "settle", "lapse", "forget")
# The two halves of a lock's 64 bits stand in two columns.
HELD = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
AND (classid::bigint << 32 | objid::bigint) IN (SELECT hashtextextended(t, 0) FROM unnest(%s::text[]) t)
"""
_numbers = count(1)


def reserve(account_id: UUID, price: int = 100_000, **fields: Any) -> EnrichmentSpend:
    """Reserve with a provider of its own unless one is given."""
    return budgets.reserve(
        account_id=account_id,
        max_micro_dollars=price,
        **{"crossing_id": None, "now": NOW, "provider": f"p{next(_numbers)}"} | fields,
    )


def refusal_of(account_id: UUID, **fields: Any) -> str:
    with pytest.raises(BudgetRefused) as refusal:
        reserve(account_id, **fields)
    return refusal.value.code


def committed(account_id: UUID) -> int:
    return budgets.get_budget(account_id=account_id, now=NOW).committed


def settle(spend: EnrichmentSpend, micro_dollars: int, outcome: str = "hit", now: datetime = NOW) -> bool:
    return budgets.settle(spend=spend, micro_dollars=micro_dollars, outcome=outcome, now=now)


@pytest.mark.django_db
class TestReserve:
    def test_the_sixth_call_of_ten_cents_is_refused(self) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)

        assert refusal_of(account_id) == "exhausted"
        assert committed(account_id) == CAP

    def test_redis_down_means_no(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nowhere = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
        monkeypatch.setattr(budget_hints, "get_redis_connection", lambda _: nowhere)

        assert refusal_of(uuid4()) == "unavailable"
        assert EnrichmentSpend.objects.count() == 0

    def test_a_forgetful_redis_is_rebuilt_from_the_ledger(self, redis_server: Redis) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)
        redis_server.flushall()

        assert refusal_of(account_id) == "exhausted"
        [key] = redis_server.keys("enrichment:*:budget:*")
        assert (key.decode(), redis_server.get(key)) == (
            f"enrichment:{{{account_id}}}:budget:202611",
            b"500000",
        )

    def test_a_redis_that_knows_too_little_is_overruled_by_the_ledger(self, redis_server: Redis) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)
        redis_server.set(f"enrichment:{{{account_id}}}:budget:202611", 0)

        assert refusal_of(account_id) == "exhausted"
        assert committed(account_id) == CAP

    def test_merged_accounts_share_one_budget_until_they_are_split(self) -> None:
        first, second = (score_only(name) for name in ("budget-a", "budget-b"))
        for account_id in (first, second):
            reserve(account_id, price=300_000)

        merge_id = merging.merge(
            kind="account", merged_id=first, survivor_id=second, actor="user:1", now=utc_now()
        )

        assert refusal_of(second) == "exhausted"
        assert committed(second) == 600_000
        merging.undo(merge_id=merge_id, actor="user:1", now=utc_now())
        assert committed(first) == committed(second) == 300_000
        reserve(second)

    def test_a_provider_that_either_of_the_merged_has_asked_is_not_asked_again(self) -> None:
        first, second = (score_only(name) for name in ("asked-a", "asked-b"))
        crossing_id = uuid4()
        reserve(first, provider="flying")
        settle(reserve(first, provider="resting"), 0, "miss")
        settle(reserve(first, provider="repeated", crossing_id=crossing_id), 0, "timeout")
        asked = {"flying": "in_flight", "resting": "resting"}

        merging.merge(kind="account", merged_id=first, survivor_id=second, actor="user:1", now=utc_now())

        assert {provider: refusal_of(second, provider=provider) for provider in asked} == asked
        rested = NOW + timedelta(minutes=20)
        refusal = refusal_of(second, provider="repeated", crossing_id=crossing_id, now=rested)
        assert refusal == "repeated"
        assert refusal_of(first, price=CAP) == "exhausted"

    def test_whoever_began_before_a_merge_is_waited_for(self) -> None:
        first, second = (score_only(name) for name in ("lock-a", "lock-b"))
        merging.merge(kind="account", merged_id=first, survivor_id=second, actor="user:1", now=utc_now())

        reserve(second)

        with connection.cursor() as cursor:
            cursor.execute(HELD, [[f"enrichment:{pk}" for pk in (first, second)]])
            assert cursor.fetchone() == (2,)

    def test_a_new_month_has_a_new_budget(self) -> None:
        account_id = uuid4()
        for _ in range(5):
            reserve(account_id)

        assert reserve(account_id, now=datetime(2026, 12, 1, tzinfo=UTC)).month.month == 12

    @pytest.mark.parametrize("redis_forgets", [False, True])
    def test_one_call_at_a_time_and_provider(self, redis_forgets: bool, redis_server: Redis) -> None:
        account_id = uuid4()
        reserve(account_id, provider="x")
        if redis_forgets:
            redis_server.flushall()

        assert refusal_of(account_id, provider="x") == "in_flight"
        assert reserve(account_id, provider="y").state == "reserved"
        assert reserve(uuid4(), provider="x").state == "reserved"

    def test_the_table_itself_refuses_a_second_flight(self) -> None:
        spend = reserve(uuid4(), provider="x")
        spend.pk = uuid4()

        with pytest.raises(IntegrityError, match="one_flight_a_provider"), transaction.atomic():
            spend.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
class TestSettle:
    def test_a_miss_gives_the_money_back_once(self) -> None:
        account_id = uuid4()
        spends = [reserve(account_id) for _ in range(5)]

        assert settle(spends[0], 0, "miss")
        assert not settle(spends[0], 0, "miss")

        assert committed(account_id) == 400_000
        reserve(account_id)
        assert refusal_of(account_id) == "exhausted"

    def test_a_crossing_is_asked_for_once(self) -> None:
        account_id, crossing_id = uuid4(), uuid4()
        settle(reserve(account_id, provider="x", crossing_id=crossing_id), 0, "never_sent")

        assert refusal_of(account_id, provider="x", crossing_id=crossing_id) == "repeated"

    def test_a_flight_goes_on_over_the_turn_of_the_month(self, redis_server: Redis) -> None:
        account_id, turn = uuid4(), datetime(2026, 12, 1, tzinfo=UTC)
        reserve(account_id, provider="x", now=turn - timedelta(seconds=1))
        redis_server.flushall()

        assert refusal_of(account_id, provider="x", now=turn) == "in_flight"

    def test_more_than_reserved_is_refused(self) -> None:
        with pytest.raises(ValueError, match="more than"):
            settle(reserve(uuid4()), 100_001)

    @pytest.mark.parametrize("redis_forgets", [False, True])
    @pytest.mark.parametrize(
        ("outcome", "rest"),
        [("hit", timedelta(days=30)), ("miss", timedelta(days=30)), ("pending", timedelta(hours=1)),
         ("timeout", timedelta(minutes=15))],
    )  # fmt: skip
    def test_a_provider_rests_after_a_call(
        self, outcome: str, rest: timedelta, redis_forgets: bool, redis_server: Redis
    ) -> None:
        account_id = uuid4()
        settle(reserve(account_id, provider="x"), 0, outcome)
        if redis_forgets:
            redis_server.flushall()

        assert refusal_of(account_id, provider="x") == "resting"
        redis_server.flushall()  # as its key expires in time
        assert refusal_of(account_id, provider="x", now=NOW + rest - timedelta(seconds=1)) == "resting"
        redis_server.flushall()
        assert reserve(account_id, provider="x", now=NOW + rest).state == "reserved"

    def test_a_call_over_the_turn_of_the_month_is_charged_where_it_was_reserved(self) -> None:
        account_id, turn = uuid4(), datetime(2026, 12, 1, tzinfo=UTC)
        spend = reserve(account_id, now=turn - timedelta(milliseconds=1))

        settle(spend, 60_000, now=turn + timedelta(seconds=1))

        assert committed(account_id) == 60_000
        assert budgets.get_budget(account_id=account_id, now=turn).committed == 0
        assert list_audit(account_id)[0]["payload"]["month"] == "2026-11"


@pytest.mark.django_db(transaction=True)
class TestLapse:
    def test_what_was_never_dispatched_is_given_back_and_can_no_longer_be_dispatched(self) -> None:
        account_id = uuid4()
        spend = reserve(account_id, provider="x")

        assert budgets.close_lapsed(now=LATER) == 1

        assert not budgets.dispatch(spend=spend, now=LATER)
        assert committed(account_id) == 0
        assert reserve(account_id, provider="x", now=LATER).state == "reserved"

    def test_what_was_dispatched_stays_charged_until_its_answer_comes_after_all(self) -> None:
        account_id = uuid4()
        spend = reserve(account_id)
        assert budgets.dispatch(spend=spend, now=NOW)

        assert budgets.close_lapsed(now=LATER) == 1
        assert committed(account_id) == 100_000

        assert settle(spend, 30_000, now=LATER)
        assert not settle(spend, 0, now=LATER)
        assert committed(account_id) == 30_000
        assert [row["payload"]["outcome"] for row in list_audit(account_id)] == ["lost", "hit"]

    def test_is_found_by_the_next_reservation_too(self) -> None:
        account_id = uuid4()
        for _ in range(4):
            reserve(account_id)

        reserve(account_id, now=LATER)

        assert committed(account_id) == 100_000


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["reserve", "dispatch", "settle", "lapse", "forget"]), st.integers(0, 200_000)
        )
    )
)
def test_no_sequence_of_steps_exceeds_the_cap(steps: list[tuple[str, int]], redis_server: Redis) -> None:
    account_id, open_spends = uuid4(), []
    for step, amount in steps:
        if step == "reserve":
            with suppress(BudgetRefused):
                open_spends.append(reserve(account_id, price=amount))
        elif step == "forget":
            redis_server.flushall()
        elif step == "lapse":
            budgets.close_lapsed(now=LATER)
        elif step == "dispatch" and open_spends:
            budgets.dispatch(spend=open_spends[-1], now=NOW)
        elif open_spends:
            spend = open_spends.pop()
            settle(spend, min(amount, spend.max_micro_dollars))
        assert committed(account_id) <= CAP
