"""What contexts hands to other apps: frozen values, ids instead of people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contexts.pack_contracts import ContextPack, PackContact, PackDeal, PackExclusion, PackFact
from contexts.scoring import DecayConfigData, WeightConfigData

__all__ = [
    "AccountNotFound",
    "AccountRow",
    "AccountView",
    "ActiveConfigs",
    "ConfigView",
    "ContactView",
    "ContextPack",
    "ContextUpdated",
    "Contribution",
    "NextCrossing",
    "PackContact",
    "PackDeal",
    "PackExclusion",
    "PackFact",
    "Quality",
    "ScoreExplanation",
    "TimelineEntry",
]


class AccountNotFound(Exception):
    """No account has this id or alias."""


@dataclass(frozen=True, kw_only=True)
class ActiveConfigs:
    """The configuration in use: its activation and both parts."""

    activation_id: int
    decay_id: int
    decay: DecayConfigData
    weight: WeightConfigData


@dataclass(frozen=True, kw_only=True)
class ConfigView:
    """One stored version of a configuration; `kind` is decay or weight."""

    kind: str
    version: int
    note: str
    created_at: datetime
    active: bool


@dataclass(frozen=True, kw_only=True)
class ContextUpdated:
    """Payload of the event `context.updated`; consumers ignore a version lower than they know."""

    account_id: UUID
    version: int
    old_band: str
    new_band: str
    intent: float
    crossing_id: UUID | None = None
    direction: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {  # by hand, for `asdict` copies deeply and there is one of these a scored account
            "account_id": str(self.account_id),
            "version": self.version,
            "old_band": self.old_band,
            "new_band": self.new_band,
            "intent": self.intent,
            "direction": self.direction,
            "crossing_id": str(self.crossing_id) if self.crossing_id else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ContextUpdated":
        """Build from the JSON form. Raises KeyError or ValueError on a malformed one."""
        crossing_id = data["crossing_id"]
        return cls(
            account_id=UUID(data["account_id"]),
            version=int(data["version"]),
            old_band=data["old_band"],
            new_band=data["new_band"],
            intent=float(data["intent"]),
            crossing_id=UUID(crossing_id) if crossing_id else None,
            direction=data["direction"],
        )


@dataclass(frozen=True, kw_only=True)
class AccountView:
    """An account and the names that sources have for it: pairs of kind and value."""

    id: UUID
    name: str
    domain: str | None
    attributes: dict[str, Any]
    aliases: tuple[tuple[str, str], ...]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    """One line of the ranked list, as of `scored_at`."""

    id: UUID
    name: str
    attributes: dict[str, Any]
    intent: float
    fit: float
    priority: float
    band: str
    hot_until: datetime | None
    scored_at: datetime


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """Points that one person's signals of one type give; the newest ids first, at most 20 of them."""

    type: str
    subject_id: UUID | None
    signal_ids: tuple[UUID, ...]
    signal_count: int
    points: float
    latest_at: datetime


@dataclass(frozen=True, kw_only=True)
class NextCrossing:
    """When the account leaves its band if nothing else arrives, for which, and past which intent.

    `direction` is down, or up: at the end of a cool-down, where the intent is over the threshold already.
    """

    at: datetime
    direction: str
    threshold: float
    band: str


@dataclass(frozen=True, kw_only=True)
class ScoreExplanation:
    """An account's score at `as_of`; the points of the contributions sum to `intent` exactly."""

    account_id: UUID
    intent: float
    fit: float
    fit_reasons: tuple[dict[str, Any], ...]
    priority: float
    band: str
    damping: float
    damped_by: tuple[str, ...]
    hot_until: datetime | None
    contributions: tuple[Contribution, ...]
    next_crossing: NextCrossing | None
    version: int
    as_of: datetime
    known_at: datetime
    decay_version: int
    weight_version: int


@dataclass(frozen=True, kw_only=True)
class ContactView:
    """A person at an account, by id."""

    id: UUID
    account_id: UUID
    subject_id: UUID
    title_class: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality of what is known of an account, all in 0…1.

    `best_missing` is the unknown attribute of most gain, whatever it costs; prices: `get_enrichment`.
    """

    score: float
    completeness: float
    freshness: float
    consistency: float
    best_missing: str | None
    best_missing_gain: float


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to an account: a signal that counted, or a crossing."""

    at: datetime
    kind: str
    id: UUID
    type: str
    subject_id: UUID | None
    detail: dict[str, Any]
