"""The monthly enrichment budget of an account, in integer micro-dollars.

Redis admits quickly with one script; the ledger in PostgreSQL is the truth and has the last word under
a lock, so neither a lost Redis nor concurrent calls can exceed the cap. Redis down means no.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from orchestration.contracts import BudgetView
from orchestration.models import EnrichmentSpend

KEY_SECONDS = 3600  # a forgotten admission is healed by the next rebuild from the ledger
MISSING = -1

# KEYS[1] budget; ARGV price, cap. Returns -1 when the key is missing, 0 refused, 1 admitted.
_ADMIT = """
local committed = redis.call('GET', KEYS[1])
if not committed then return -1 end
if tonumber(committed) + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBY', KEYS[1], ARGV[1])
return 1
"""
# KEYS[1] budget; ARGV micro-dollars to give back. A missing key stays missing, and never falls below 0.
_GIVE_BACK = """
local committed = redis.call('GET', KEYS[1])
if not committed then return 0 end
redis.call('DECRBY', KEYS[1], math.min(tonumber(ARGV[1]), tonumber(committed)))
return 1
"""


class BudgetRefused(Exception):
    """The call may not be made.

    Args:
        code: exhausted, unavailable (Redis is down), or repeated (already asked for this crossing).
    """

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One account's budget of one month."""

    account_id: UUID
    month: date

    @property
    def key(self) -> str:
        """Return the Redis key."""
        return f"enrichment:budget:{self.account_id}:{self.month:%Y%m}"


def budget_of(*, account_id: UUID, now: datetime) -> Budget:
    """Return the budget that a call at `now` is charged to (months are UTC)."""
    return Budget(account_id=account_id, month=now.astimezone(UTC).date().replace(day=1))


def reserve(
    *, account_id: UUID, provider: str, crossing_id: UUID | None, max_micro_dollars: int, now: datetime
) -> EnrichmentSpend:
    """Reserve the maximum price of one call before it is made.

    Raises:
        BudgetRefused: it would exceed the cap, Redis is down, or this crossing had its call.
    """
    budget = budget_of(account_id=account_id, now=now)
    _admit(budget, max_micro_dollars)
    try:
        return _enter(budget, provider, crossing_id, max_micro_dollars, now)
    except BudgetRefused:
        _give_back(budget, max_micro_dollars)
        raise


def settle(*, spend: EnrichmentSpend, micro_dollars: int, outcome: str, now: datetime) -> bool:
    """Replace a reservation by what the call cost; only the first settlement counts.

    Raises:
        ValueError: more than was reserved.
    """
    if not 0 <= micro_dollars <= spend.max_micro_dollars:
        raise ValueError("A call can't cost more than was reserved for it.")
    state = "settled" if micro_dollars else "released"
    open_rows = EnrichmentSpend.objects.filter(pk=spend.pk, state="reserved")
    if not open_rows.update(state=state, outcome=outcome[:32], micro_dollars=micro_dollars, settled_at=now):
        return False
    budget = Budget(account_id=spend.account_id, month=spend.month)
    transaction.on_commit(lambda: _give_back(budget, spend.max_micro_dollars - micro_dollars))
    return True


def get_budget(*, account_id: UUID, now: datetime) -> BudgetView:
    """Return what the ledger says of an account's month."""
    budget = budget_of(account_id=account_id, now=now)
    return BudgetView(
        account_id=account_id,
        month=budget.month,
        committed=_committed(budget),
        cap=settings.ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS,
        entries=EnrichmentSpend.objects.filter(account_id=account_id, month=budget.month).count(),
    )


def _admit(budget: Budget, price: int) -> None:
    cap = settings.ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS
    try:
        redis = get_redis_connection("default")
        admitted = int(redis.eval(_ADMIT, 1, budget.key, price, cap))
        if admitted == MISSING:
            _rebuild(budget)
            admitted = int(redis.eval(_ADMIT, 1, budget.key, price, cap))
    except RedisError as error:
        raise BudgetRefused("unavailable") from error
    if admitted == MISSING:
        raise BudgetRefused("unavailable")
    if not admitted:
        raise BudgetRefused("exhausted")


def _rebuild(budget: Budget) -> None:
    """Set a missing key from the ledger, under the lock that also guards entries."""
    with transaction.atomic():
        _lock(budget)
        get_redis_connection("default").set(budget.key, _committed(budget), nx=True, ex=KEY_SECONDS)


@transaction.atomic
def _enter(
    budget: Budget, provider: str, crossing_id: UUID | None, price: int, now: datetime
) -> EnrichmentSpend:
    _lock(budget)
    same = EnrichmentSpend.objects.filter(
        account_id=budget.account_id, provider=provider, crossing_id=crossing_id
    )
    if crossing_id is not None and same.exists():
        raise BudgetRefused("repeated")
    if _committed(budget) + price > settings.ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS:
        raise BudgetRefused("exhausted")
    return EnrichmentSpend.objects.create(
        account_id=budget.account_id,
        month=budget.month,
        provider=provider,
        crossing_id=crossing_id,
        max_micro_dollars=price,
        micro_dollars=price,
        reserved_at=now,
    )


def _give_back(budget: Budget, micro_dollars: int) -> None:
    if micro_dollars <= 0:
        return
    try:
        get_redis_connection("default").eval(_GIVE_BACK, 1, budget.key, micro_dollars)
    except RedisError:
        return  # Redis then knows of too much, never of too little, until the key is rebuilt


def _committed(budget: Budget) -> int:
    """Sum the ledger: settled at their price, open reservations at their maximum for as long as they stay."""
    rows = EnrichmentSpend.objects.filter(account_id=budget.account_id, month=budget.month)
    return rows.aggregate(total=Sum("micro_dollars"))["total"] or 0


def _lock(budget: Budget) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [budget.key])


def spent_this_month_dollars(*, now: datetime) -> float:
    """Return what the ledger says was spent for all accounts this month, open reservations included."""
    month = now.astimezone(UTC).date().replace(day=1)
    total = EnrichmentSpend.objects.filter(month=month).aggregate(total=Sum("micro_dollars"))["total"]
    return (total or 0) / 1_000_000
