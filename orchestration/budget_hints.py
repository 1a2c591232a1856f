"""What Redis knows of an account's enrichment: money of the month, calls under way, providers at rest.

Hints only. One script admits a call at once or refuses it; the ledger in PostgreSQL has the last word.
"""

from datetime import date
from typing import NamedTuple
from uuid import UUID

import structlog
from django_redis import get_redis_connection
from redis.exceptions import RedisError

BUDGET_SECONDS = 600  # a forgotten admission is healed by the next rebuild from the ledger
MAX_REST_SECONDS = 86_400  # the ledger knows of longer rests
MISSING, IN_FLIGHT, RESTING = -1, -2, -3
ADMITTED = 1

# KEYS budget, flight, rest; ARGV price, cap, seconds of a flight.
# -1 the budget is not known, -2 the provider is being asked, -3 it rests, 0 refused, 1 reserved.
_ADMIT = """
if redis.call('EXISTS', KEYS[3]) == 1 then return -3 end
if redis.call('EXISTS', KEYS[2]) == 1 then return -2 end
local committed = redis.call('GET', KEYS[1])
if not committed then return -1 end
if tonumber(committed) + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], '1', 'EX', ARGV[3])
return 1
"""
# KEYS budget, flight, rest; ARGV micro-dollars to give back, seconds of rest, 1 if the flight ends.
# A missing budget stays missing, and never falls below 0.
_LAND = """
if ARGV[3] == '1' then redis.call('DEL', KEYS[2]) end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[3], '1', 'EX', ARGV[2]) end
local committed = redis.call('GET', KEYS[1])
if not committed then return 0 end
redis.call('DECRBY', KEYS[1], math.min(tonumber(ARGV[1]), tonumber(committed)))
return 1
"""

log = structlog.get_logger(__name__)


class Slot(NamedTuple):
    """One provider's place in one account's month."""

    account_id: UUID
    month: date
    provider: str

    @property
    def keys(self) -> tuple[str, str, str]:
        """Return the keys of the month's budget, of the flight and of the rest; one cluster slot."""
        account = f"enrichment:{{{self.account_id}}}"
        return (
            f"{account}:budget:{self.month:%Y%m}",
            f"{account}:flight:{self.provider}",
            f"{account}:rest:{self.provider}",
        )


def admit(slot: Slot, *, price: int, cap: int, flight_seconds: int) -> int:
    """Reserve the price at once, or say why not. Raises: RedisError."""
    redis = get_redis_connection("default")
    return int(redis.eval(_ADMIT, 3, *slot.keys, price, cap, flight_seconds))


def rebuild(slot: Slot, committed: int) -> None:
    """Set an unknown budget to what the ledger says. Raises: RedisError."""
    get_redis_connection("default").set(slot.keys[0], committed, nx=True, ex=BUDGET_SECONDS)


def land(slot: Slot, *, give_back: int, rest_seconds: int = 0, ends_flight: bool = True) -> None:
    """Give back what was not spent, let the provider rest, and end the flight unless it is another's.

    Without Redis nothing happens: it then knows of too much until it is rebuilt. If it is rebuilt between the
    settlement and this, it knows of too little; the ledger, which decides, does not.
    """
    try:
        numbers = (max(give_back, 0), min(max(rest_seconds, 0), MAX_REST_SECONDS), int(ends_flight))
        get_redis_connection("default").eval(_LAND, 3, *slot.keys, *numbers)
    except RedisError as error:
        log.warning("enrichment.redis_unreachable", error=type(error).__name__)
