"""What contexts hands to other apps: frozen values, ids instead of people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contexts.scoring import DecayConfigData, WeightConfigData


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
        return {
            **asdict(self),
            "account_id": str(self.account_id),
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
    """When the account leaves the hot band if nothing else arrives, and at which intent."""

    at: datetime
    direction: str
    threshold: float


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
    """Quality of what is known of an account, all in 0…1; `cheapest_missing` names an attribute."""

    score: float
    completeness: float
    freshness: float
    consistency: float
    cheapest_missing: str | None
    cheapest_missing_gain: float


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to an account: a signal that counted, or a crossing."""

    at: datetime
    kind: str
    id: UUID
    type: str
    subject_id: UUID | None
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PackFact:
    """What a person's signals of one type say; `ref` is how a draft cites it (s1, s2, …)."""

    ref: str
    signal_ids: tuple[UUID, ...]
    signal_count: int
    type: str
    label: str
    subject_id: UUID | None
    occurred_at: datetime
    points: float
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PackContact:
    """A person who could be written to, by id, with what consent says at the pack's time."""

    contact_id: UUID
    subject_id: UUID
    title_class: str
    consent_allowed: bool
    consent_reason: str
    consent_revision_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class PackDeal:
    """The stage in which an open deal was last seen."""

    signal_id: UUID
    stage: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class PackExclusion:
    """Evidence that was left out, and why: over_budget or spent."""

    type: str
    subject_id: UUID | None
    signal_count: int
    points: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class ContextPack:
    """What an agent may know of an account; immutable, named by the hash of its content.

    The mandatory block is `account`, `contacts` with consent, `open_deals` and `last_touch`;
    `facts` come by points per token until the budget is spent, the strongest first.
    """

    id: UUID
    content_hash: str
    account_id: UUID
    account: dict[str, Any]
    contacts: tuple[PackContact, ...]
    open_deals: tuple[PackDeal, ...]
    last_touch: dict[str, Any] | None
    facts: tuple[PackFact, ...]
    excluded: tuple[PackExclusion, ...]
    tokens: int
    max_tokens: int
    created_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that `from_dict` reads."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ContextPack":
        """Build from the JSON form. Raises KeyError or ValueError on a malformed one."""
        return cls(
            id=UUID(data["id"]),
            content_hash=data["content_hash"],
            account_id=UUID(data["account_id"]),
            account=dict(data["account"]),
            contacts=tuple(PackContact(**_typed(item)) for item in data["contacts"]),
            open_deals=tuple(PackDeal(**_typed(item)) for item in data["open_deals"]),
            last_touch=data["last_touch"],
            facts=tuple(PackFact(**_typed(item)) for item in data["facts"]),
            excluded=tuple(PackExclusion(**_typed(item)) for item in data["excluded"]),
            tokens=int(data["tokens"]),
            max_tokens=int(data["max_tokens"]),
            created_at=datetime.fromisoformat(data["created_at"]),
        )


_UUID_FIELDS = {"contact_id", "subject_id", "consent_revision_id", "signal_id"}
_TIME_FIELDS = {"occurred_at", "since"}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(item: Mapping[str, Any]) -> dict[str, Any]:
    typed = dict(item)
    for name in _UUID_FIELDS & typed.keys():
        typed[name] = UUID(typed[name]) if typed[name] else None
    for name in _TIME_FIELDS & typed.keys():
        typed[name] = datetime.fromisoformat(typed[name])
    if "signal_ids" in typed:
        typed["signal_ids"] = tuple(UUID(text) for text in typed["signal_ids"])
    return typed
