"""Context packs: what an agent gets to know of an account, ids and typed facts instead of people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class PackFact:
    """What a person's signals of one type say; `ref` is how a draft cites it (s1, s2, …).

    `value` (0…1) and `tokens` decided that it is in; `reason` is what weighed most: points, recency or role.
    """

    ref: str
    signal_ids: tuple[UUID, ...]
    signal_count: int
    type: str
    label: str
    subject_id: UUID | None
    occurred_at: datetime
    points: float
    attributes: dict[str, Any]
    value: float = 0.0
    tokens: int = 0
    reason: str = ""


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
    """Evidence that was left out, or a person (type `contact`), and why: over_budget or spent."""

    type: str
    subject_id: UUID | None
    signal_count: int
    points: float
    reason: str
    value: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class ContextPack:
    """What an agent may know of an account; immutable, named by the hash of its content.

    The mandatory block is `account`, `contacts` with consent, `open_deals` and `last_touch`;
    `facts` are chosen by value per token until the budget is spent, the strongest first. `tokens` is what
    `contexts.prompts.render_prompt` costs a model, at most `max_tokens`.
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
