"""What a merge would change, before it is done."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class AccountChange:
    """Score of one account now and after; after is None for the account that goes into the other."""

    account_id: UUID
    name: str
    intent: float
    band: str
    intent_after: float | None
    band_after: str | None


@dataclass(frozen=True, kw_only=True)
class ConsentChange:
    """Whether a person may be written to now and after, and why not."""

    subject_id: UUID
    allowed: bool
    allowed_after: bool
    reason_after: str


@dataclass(frozen=True, kw_only=True)
class MergePreview:
    """What merging would do; nothing was changed.

    `drafts` is how many wait for a decision for the side that goes; `drafts_end` says that they will not
    outlive it: superseded when a hot account goes, cancelled when consent does.
    """

    kind: str
    merged_id: UUID
    survivor_id: UUID
    accounts: tuple[AccountChange, ...]
    consents: tuple[ConsentChange, ...]
    people: int
    aliases: tuple[tuple[str, str], ...]
    drafts: int
    drafts_end: bool
