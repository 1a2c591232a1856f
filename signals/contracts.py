"""What other apps may know of signals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

IngestStatus = Literal["accepted", "duplicate", "conflict"]

# Kinds of account references, the most telling first: the first one present is the event key.
REFERENCE_KINDS = ("id", "crm_id", "external_id", "domain", "name")


@dataclass(frozen=True)
class PersonDraft:
    """The person behind a signal, as the source named them."""

    email: str
    name: str = ""
    title: str = ""


@dataclass(frozen=True)
class SignalDraft:
    """A signal as a door received it, not yet checked or stored.

    Args:
        source: system that it comes from, lower case (`salesforce`).
        type: name in the catalogue of signal types.
        external_id: the source's own name for the thing; kept sealed.
        occurred_at: aware; at most five minutes ahead, which is then clamped.
        account: reference kind (`REFERENCE_KINDS`) to value; at least one.
        strength: above 0, at most 10.
        attributes: numbers, booleans, dates and catalogued codes stay readable; the rest is sealed.
        sealed: kept encrypted under the person's key, or the month's when there is no person.
        natural_key: identity of the event at its source; the external id unless given.
        occurred_at_is_ours: the source gave no time, so ours is no part of the comparison.
    """

    source: str
    type: str
    external_id: str
    occurred_at: datetime
    account: Mapping[str, str]
    person: PersonDraft | None = None
    strength: float = 1.0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, Any] = field(default_factory=dict)
    natural_key: str | None = None
    occurred_at_is_ours: bool = False


@dataclass(frozen=True)
class IngestResult:
    """What became of a draft; a duplicate names the signal that was there first."""

    signal_id: UUID
    status: IngestStatus


class ScorableSignal(NamedTuple):
    """What scoring needs of a signal; a tuple, for chunks make thousands."""

    id: UUID
    type: str
    subject_id: UUID | None
    occurred_at: datetime
    received_at: datetime
    strength: float
    account: dict[str, str]
    source: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class SignalFact:
    """What a draft or a page may say about a signal: typed facts, no text of a stranger."""

    id: UUID
    type: str
    source: str
    occurred_at: datetime
    attributes: dict[str, Any]


@dataclass(frozen=True)
class OpenedSignal:
    """The sealed part of a signal."""

    id: UUID
    subject_id: UUID | None
    external_id: str
    name: str
    title: str
    content: dict[str, Any]


@dataclass(frozen=True)
class SignalTypeData:
    """One entry of the catalogue of signal types."""

    name: str
    label: str
    description: str
    payload_schema: dict[str, Any]
    claims: tuple[str, ...]


@dataclass(frozen=True)
class QuarantineCount:
    """How many payloads of a source wait for one reason; of `gone` ones nothing is left to replay."""

    source: str
    reason: str
    waiting: int
    gone: int
    oldest_at: datetime
