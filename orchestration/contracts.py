"""What orchestration shows to pages, the API and the laboratory: frozen data, no models."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of text with the references (`s1`, `s2`…) of the evidence behind it."""

    text: str
    refs: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding of the verifier. `blocking` ones may not be sent by anybody."""

    ok: bool
    text: str
    code: str = ""
    blocking: bool = False


@dataclass(frozen=True, kw_only=True)
class ContributionView:
    """One bar of "why it is hot"; points sum to the score, share is 0–1 of the largest bar."""

    label: str
    points: float
    share: float
    signal_ids: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class AccountPane:
    """The account beside a draft. Scores 0–100, fit 0–1, times UTC."""

    account_id: UUID
    name: str
    domain: str
    sector: str
    employees: int | None
    fit: float
    intent: float
    band: str
    threshold: float
    hot_until: datetime | None
    delta_24h: float
    history: tuple[tuple[datetime, float], ...]
    contributions: tuple[ContributionView, ...]


@dataclass(frozen=True, kw_only=True)
class ConsentView:
    """The consent decision as of now, and the revision that it rests on."""

    allowed: bool
    reason: str
    revision_id: UUID | None
    jurisdiction: str
    notice_version: str
    captured_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ContactPane:
    """The person to be written to; personal, so opened with an audit row."""

    contact_id: UUID
    name: str
    title: str
    consent: ConsentView
    last_touch_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class DealView:
    """The open deal as the signals tell it."""

    stage: str
    changed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class DraftView:
    """The text exactly as it will go out. `paragraphs` excludes greeting, signature and footer."""

    subject: str
    greeting: str
    paragraphs: tuple[tuple[Span, ...], ...]
    signature: str
    footer: str
    words: int
    revision: int
    content_hash: str
    recipient_name: str
    edited_by: int | None


@dataclass(frozen=True, kw_only=True)
class EvidenceView:
    """One numbered piece of evidence; points are its part of the score at drafting."""

    ref: str
    label: str
    source: str
    when: datetime
    points: float
    signal_ids: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One move of the action."""

    state: str
    name: str
    at: datetime
    actor: str
    reason_code: str


@dataclass(frozen=True, kw_only=True)
class ActionSummary:
    """One row of the pending queue: context, preview and reasoning as of drafting."""

    id: UUID
    kind: str
    state: str
    version: int
    account_id: UUID
    account_name: str
    intent: float
    headline: str
    recipient_name: str
    erased: bool
    p_action: float
    p_draft: float
    basis: str
    created_at: datetime
    expires_at: datetime
    claimed_by: int | None
    claim_expires_at: datetime | None
    warnings: int
    draft: DraftView
    reasoning: tuple[Span, ...]
    evidence: tuple[EvidenceView, ...]


@dataclass(frozen=True, kw_only=True)
class ActionDetail:
    """Everything a reviewer decides by. `erased` means that the person's text is gone for good."""

    id: UUID
    kind: str
    state: str
    version: int
    reason_code: str
    account: AccountPane
    contact: ContactPane | None
    deal: DealView | None
    draft: DraftView
    evidence: tuple[EvidenceView, ...]
    reasoning: tuple[Span, ...]
    checks: tuple[Check, ...]
    p_action: float
    p_draft: float
    basis: str
    agent_line: str
    created_at: datetime
    expires_at: datetime
    execute_after: datetime | None
    hold_seconds: int
    daily_sent: int
    daily_limit: int
    claimed_by: int | None
    claim_expires_at: datetime | None
    timeline: tuple[TimelineEntry, ...]
    erased: bool = False
    own_edit: bool = False
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeldAction:
    """An approved action that is still on hold."""

    id: UUID
    kind: str
    account_id: UUID
    account_name: str
    version: int
    execute_after: datetime


@dataclass(frozen=True, kw_only=True)
class MoveResult:
    """What a service call made of an action."""

    action_id: UUID
    state: str
    version: int
    revision: int
    content_hash: str
    execute_after: datetime | None = None
    claimed_by: int | None = None
    claim_expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class BudgetView:
    """What enrichment of one account has cost this month, micro-dollars."""

    account_id: UUID
    month: date
    committed: int
    cap: int
    entries: int = field(default=0)
