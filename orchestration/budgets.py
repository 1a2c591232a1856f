"""The monthly enrichment budget of an account, in integer micro-dollars.

Accounts that are merged share one: what either has spent counts, and a provider that either has asked rests.

Redis admits quickly with one script; the ledger in PostgreSQL is the truth and has the last word under
a lock of the accounts, so neither a lost Redis nor concurrent calls can exceed the cap. Redis down means no.

A reservation is dispatched before its call and settled after it. One that is not settled in time is closed
by `close_lapsed`: at nothing if it was never dispatched, else at its maximum, for nobody knows.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from redis.exceptions import RedisError

from compliance import audit
from contexts import selectors as contexts_selectors
from orchestration import budget_hints
from orchestration.budget_hints import ADMITTED, IN_FLIGHT, MISSING, RESTING, Slot
from orchestration.contracts import BudgetView
from orchestration.models import EnrichmentSpend
from orchestration.policy import rest_after

ACTOR = "system:enrichment"
FLIGHT = timedelta(seconds=60)  # a call is over after 5 s
REBUILDS = 3  # a Redis that forgets again and again is none
LOST, NEVER_SENT = "lost", "never_sent"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"


class BudgetRefused(Exception):
    """The call may not be made.

    Args:
        code: exhausted; unavailable (Redis is down); in_flight (the provider is being asked for this
            account or one merged with it); resting (it was asked lately); repeated (it was asked for this
            crossing).
    """

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


def month_of(now: datetime) -> date:
    """Return the first day of the month that a call at `now` is charged to (UTC)."""
    return now.astimezone(UTC).date().replace(day=1)


def reserve(
    *, account_id: UUID, provider: str, crossing_id: UUID | None, max_micro_dollars: int, now: datetime
) -> EnrichmentSpend:
    """Reserve the maximum price of one call before it is made.

    Raises:
        BudgetRefused: with the reason as its code.
    """
    slot = Slot(account_id, month_of(now), provider)
    _admit(slot, max_micro_dollars)
    try:
        return _enter(slot, crossing_id, max_micro_dollars, now)
    except BudgetRefused as refusal:
        # A flight that the ledger knows of and Redis had forgotten is another's and goes on.
        ends_flight = refusal.code != "in_flight"
        budget_hints.land(slot, give_back=max_micro_dollars, ends_flight=ends_flight)
        raise


def dispatch(*, spend: EnrichmentSpend, now: datetime) -> bool:
    """Note that the call is made now; False when the reservation has lapsed, and nobody may be called."""
    open_rows = EnrichmentSpend.objects.filter(pk=spend.pk, state="reserved", dispatched_at=None)
    return bool(open_rows.filter(expires_at__gt=now).update(dispatched_at=now))


@transaction.atomic
def settle(*, spend: EnrichmentSpend, micro_dollars: int, outcome: str, now: datetime) -> bool:
    """Replace a reservation by what the call cost, in the month of the reservation, and audit the call.

    Only the first settlement counts; an answer that came after the reservation had lapsed still does.

    Raises:
        ValueError: more than was reserved.
    """
    if not 0 <= micro_dollars <= spend.max_micro_dollars:
        raise ValueError("A call can't cost more than was reserved for it.")
    unsettled = EnrichmentSpend.objects.filter(Q(state="reserved") | Q(outcome=LOST), pk=spend.pk)
    changes = _outcome(micro_dollars, outcome, now)
    if not unsettled.update(**changes):
        return False
    _record(spend, outcome=outcome, micro_dollars=micro_dollars, now=now)
    slot = Slot(spend.account_id, spend.month, spend.provider)
    give_back = spend.max_micro_dollars - micro_dollars
    rest = int(rest_after(outcome).total_seconds())
    transaction.on_commit(lambda: budget_hints.land(slot, give_back=give_back, rest_seconds=rest))
    return True


def _outcome(micro_dollars: int, outcome: str, now: datetime) -> dict[str, Any]:
    return {
        "state": "settled" if micro_dollars else "released",
        "outcome": outcome[:32],
        "micro_dollars": micro_dollars,
        "settled_at": now,
        "rest_until": now + rest_after(outcome),
    }


@transaction.atomic
def close_lapsed(*, now: datetime, account_ids: Collection[UUID] | None = None) -> int:
    """Close reservations whose caller died, of these accounts (None: of all).

    What was dispatched stays charged at its maximum.
    """
    lapsed = EnrichmentSpend.objects.filter(state="reserved", expires_at__lte=now).order_by("id")
    if account_ids is not None:
        lapsed = lapsed.filter(account_id__in=account_ids)
    rows = list(lapsed.select_for_update(skip_locked=True)[:500])
    for spend in rows:
        is_lost = spend.dispatched_at is not None
        outcome = LOST if is_lost else NEVER_SENT
        settle(spend=spend, micro_dollars=spend.max_micro_dollars if is_lost else 0, outcome=outcome, now=now)
    return len(rows)


def list_family(account_id: UUID) -> list[UUID]:
    """Return the accounts that share a budget with this one, itself included."""
    root = contexts_selectors.find_root(account_id)
    return sorted(contexts_selectors.list_members(root))


def get_budget(*, account_id: UUID, now: datetime) -> BudgetView:
    """Return what the ledger says of an account's month."""
    month = month_of(now)
    rows = EnrichmentSpend.objects.filter(account_id__in=list_family(account_id), month=month)
    told = rows.aggregate(committed=Sum("micro_dollars", default=0), entries=Count("pk"))
    cap = settings.ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS
    return BudgetView(account_id=account_id, month=month, cap=cap, **told)


def spent_this_month_dollars(*, now: datetime) -> float:
    """Return what the ledger says was spent for all accounts this month, open reservations included."""
    total = EnrichmentSpend.objects.filter(month=month_of(now)).aggregate(total=Sum("micro_dollars"))["total"]
    return (total or 0) / 1_000_000


def _admit(slot: Slot, price: int) -> None:
    try:
        answer = _ask_redis(slot, price)
        for _ in range(REBUILDS if answer == MISSING else 0):
            _rebuild(slot)
            answer = _ask_redis(slot, price)
            if answer != MISSING:
                break
    except RedisError as error:
        raise BudgetRefused("unavailable") from error
    if answer != ADMITTED:
        codes = {IN_FLIGHT: "in_flight", RESTING: "resting", MISSING: "unavailable"}
        raise BudgetRefused(codes.get(answer, "exhausted"))


def _ask_redis(slot: Slot, price: int) -> int:
    cap = settings.ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS
    return budget_hints.admit(slot, price=price, cap=cap, flight_seconds=int(FLIGHT.total_seconds()))


def _rebuild(slot: Slot) -> None:
    """Set a missing budget from the ledger, under the lock that also guards entries."""
    with transaction.atomic():
        family = _lock_family(slot.account_id)
        budget_hints.rebuild(slot, _committed(family, slot.month))


@transaction.atomic
def _enter(slot: Slot, crossing_id: UUID | None, price: int, now: datetime) -> EnrichmentSpend:
    family = _lock_family(slot.account_id)
    close_lapsed(account_ids=family, now=now)
    asked = EnrichmentSpend.objects.filter(account_id__in=family, provider=slot.provider)
    if asked.filter(state="reserved").exists():
        raise BudgetRefused("in_flight")
    if asked.filter(rest_until__gt=now).exists():
        raise BudgetRefused("resting")
    if crossing_id is not None and asked.filter(crossing_id=crossing_id).exists():
        raise BudgetRefused("repeated")
    cap = settings.ENRICHMENT_MONTHLY_BUDGET_MICRODOLLARS
    if _committed(family, slot.month) + price > cap:
        raise BudgetRefused("exhausted")
    return EnrichmentSpend.objects.create(
        account_id=slot.account_id,
        month=slot.month,
        provider=slot.provider,
        crossing_id=crossing_id,
        max_micro_dollars=price,
        micro_dollars=price,
        reserved_at=now,
        expires_at=now + FLIGHT,
    )


def _committed(family: Collection[UUID], month: date) -> int:
    """Sum the ledger: settled at their price, open reservations at their maximum for as long as they stay."""
    rows = EnrichmentSpend.objects.filter(account_id__in=family, month=month)
    return rows.aggregate(total=Sum("micro_dollars"))["total"] or 0


def _lock_family(account_id: UUID) -> list[UUID]:
    """Lock an account and those merged with it to the end of the transaction, and return them.

    Every month and provider shares these locks. All are taken, not the survivor's alone: who began before a
    merge holds that of the merged account, and is waited for. The order keeps two callers from a deadlock.
    """
    family = list_family(account_id)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [[f"enrichment:{member}" for member in family]])
    return family


def _record(spend: EnrichmentSpend, *, outcome: str, micro_dollars: int, now: datetime) -> None:
    entry = audit.AuditEntry(
        name="enrichment.called",
        actor=ACTOR,
        target_type="account",
        target_id=str(spend.account_id),
        account_id=spend.account_id,
        at=now,
        payload={
            "provider": spend.provider,
            "outcome": outcome,
            "micro_dollars": micro_dollars,
            "month": f"{spend.month:%Y-%m}",
            "reservation_id": str(spend.id),
        },
    )
    audit.record([entry])
