"""Bodies of the identity endpoints."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from revctx.api.schemas import RequestModel, ResponseModel


class MergeRequest(RequestModel):
    """Two accounts (any id or alias) or two persons (ids); the first goes into the second."""

    kind: Literal["account", "contact"]
    merged: str
    survivor: str


class AccountChangeResponse(ResponseModel):
    """Score of an account now and after; null after for the one that goes."""

    account_id: UUID
    name: str
    intent: float
    band: str
    intent_after: float | None
    band_after: str | None


class ConsentChangeResponse(ResponseModel):
    """Whether a person may be written to now and after."""

    subject_id: UUID
    allowed: bool
    allowed_after: bool
    reason_after: str


class PreviewResponse(ResponseModel):
    """What merging would change."""

    kind: str
    merged_id: UUID
    survivor_id: UUID
    accounts: list[AccountChangeResponse]
    consents: list[ConsentChangeResponse]
    people: int
    aliases: list[tuple[str, str]]
    drafts: int
    drafts_end: bool


class MergeResponse(ResponseModel):
    """A merge; `undone_at` null while it holds."""

    id: UUID
    kind: str
    merged_id: UUID
    survivor_id: UUID
    source_signal_id: UUID | None
    actor: str
    merged_at: datetime
    undone_by: str
    undone_at: datetime | None


class MergePage(ResponseModel):
    """One page of merges, the newest first."""

    next: str | None
    results: list[MergeResponse]


class CandidateResponse(ResponseModel):
    """A pair that may be one."""

    id: UUID
    kind: str
    merged_id: UUID
    survivor_id: UUID
    reason: str
    state: str
    error_code: str
    source_signal_id: UUID | None
    created_at: datetime


class CandidatePage(ResponseModel):
    """One page of pairs, the newest first."""

    next: str | None
    results: list[CandidateResponse]
