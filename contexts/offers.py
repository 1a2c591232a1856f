"""What it would cost to know more of an account; the app above, which buys facts, registers its offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class FieldOffer:
    """One wanted attribute and the cheapest provider that can fill it; prices in micro-dollars.

    `gain` is what knowing it adds to the quality (0…1), `expected_gain` that times the provider's share of
    hits. `blocked` says why it can't be bought now: no_provider, no_domain, resting or over_budget.
    """

    field: str
    gain: float
    expected_gain: float = 0.0
    provider: str = ""
    provider_label: str = ""
    micro_dollars: int | None = None
    blocked: str = ""

    @property
    def dollars(self) -> float | None:
        """Return the price in dollars."""
        return None if self.micro_dollars is None else self.micro_dollars / 1_000_000

    @property
    def gain_per_dollar(self) -> float:
        """Return the expected gain of one dollar; what is free gives the most."""
        if self.micro_dollars is None:
            return 0.0
        return self.expected_gain / max(self.micro_dollars / 1_000_000, 1e-9)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call that was made for an account."""

    provider: str
    outcome: str
    micro_dollars: int
    at: datetime

    @property
    def dollars(self) -> float:
        """Return what it cost in dollars."""
        return self.micro_dollars / 1_000_000


@dataclass(frozen=True, kw_only=True)
class Offers:
    """All offers, the most expected gain per dollar first, and the month's money in micro-dollars."""

    fields: tuple[FieldOffer, ...]
    month: date | None = None
    spent: int = 0
    cap: int = 0
    calls: tuple[Call, ...] = ()

    @property
    def cheapest(self) -> FieldOffer | None:
        """Return the missing attribute that gains most for its price, of those that can be bought now."""
        return next((offer for offer in self.fields if not offer.blocked), None)


# (account, its domain or None, gain by wanted attribute, now) → offers.
Lister = Callable[[UUID, str | None, Mapping[str, float], datetime], Offers]

_listers: list[Lister] = []


def register_offers(fn: Lister) -> None:
    """Have `fn` asked. Raises ValueError: another is registered."""
    if _listers and _listers != [fn]:
        raise ValueError("offers are registered already")
    _listers[:] = [fn]


def list_offers(account_id: UUID, domain: str | None, wanted: Mapping[str, float], now: datetime) -> Offers:
    """Return what is offered; without anybody who buys, the wanted attributes alone."""
    for fn in _listers:
        return fn(account_id, domain, wanted, now)
    ordered = sorted(wanted.items(), key=lambda item: (-item[1], item[0]))
    return Offers(
        fields=tuple(FieldOffer(field=name, gain=gain, blocked="no_provider") for name, gain in ordered)
    )
