"""What a provider of company facts is, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

# What a provider can be set to fill; contexts weighs the same names in its quality.
FIELDS = ("industry", "employees", "annual_revenue", "country", "technologies")


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider as it is set up; `price` is in micro-dollars, the most that one call can cost."""

    id: UUID
    slug: str
    label: str
    kind: str
    base_url: str
    api_key: str = field(repr=False)
    fields: frozenset[str]
    price: int
    misses_cost: bool = False


@dataclass(frozen=True, kw_only=True)
class CompanyAnswer:
    """What a provider said: outcome hit, miss or pending; facts; what it costs in micro-dollars."""

    outcome: str
    facts: dict[str, Any]
    micro_dollars: int


class Adapter(Protocol):
    """What one kind of provider needs of us: where to ask, and how to read what it says."""

    @property
    def path(self) -> str:
        """Return the path below the base address; it takes `?domain=`."""

    def read(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts that we know how to use; none is no error."""


class ProviderFailed(Exception):
    """No answer.

    Args:
        never_sent: the request certainly did not reach the provider, so it costs nothing.
    """

    def __init__(self, code: str, *, never_sent: bool) -> None:
        """Keep a short code."""
        super().__init__(code)
        self.code, self.never_sent = code, never_sent
