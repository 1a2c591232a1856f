"""Bodies of the action endpoints."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, RootModel

from orchestration.contracts import ActionDetail, ActionSummary, DraftView
from orchestration.policy import MAX_BODY, MAX_SUBJECT
from revctx.api.schemas import RequestModel, ResponseModel

Note = Annotated[str, Field(max_length=2_000)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ApproveRequest(RequestModel):
    """What the approver saw; both are required, and their absence is answered 428."""

    version: int | None = None
    content_hash: Hash | None = None
    note: Note = ""


class RejectRequest(RequestModel):
    """Why, by the catalogue of reasons."""

    version: int | None = None
    reason_code: Annotated[str, Field(max_length=48)]
    note: Note = ""


class EditRequest(RequestModel):
    """A new text; what is left out stays. `body` excludes greeting, signature and footer."""

    version: int | None = None
    subject: Annotated[str, Field(min_length=1, max_length=MAX_SUBJECT)] | None = None
    body: Annotated[str, Field(min_length=1, max_length=MAX_BODY)] | None = None


class MoveResponse(ResponseModel):
    """Where the action stands now."""

    action_id: UUID
    state: str
    version: int
    revision: int
    content_hash: str
    execute_after: datetime | None = None
    claimed_by: int | None = None
    claim_expires_at: datetime | None = None


class SpanBody(ResponseModel):
    """A sentence with its evidence."""

    text: str
    refs: tuple[str, ...]
    kind: str


class DraftBody(ResponseModel):
    """The text as it will go out."""

    subject: str
    greeting: str
    paragraphs: tuple[tuple[SpanBody, ...], ...]
    signature: str
    footer: str
    words: int
    revision: int
    content_hash: str
    recipient_name: str
    edited_by: int | None


class EvidenceBody(ResponseModel):
    """One piece of evidence."""

    ref: str
    label: str
    source: str
    when: datetime
    points: float
    signal_ids: tuple[UUID, ...]


class ReasoningBody(ResponseModel):
    """Why now and why this, with the two numbers and what they rest on."""

    points: tuple[SpanBody, ...]
    p_action: float
    p_draft: float
    basis: str
    warnings: int


class ContextBody(ResponseModel):
    """The account as of drafting."""

    account_id: UUID
    account_name: str
    intent: float
    evidence: tuple[EvidenceBody, ...]


class PendingAction(ResponseModel):
    """One pending action: context, preview, reasoning."""

    id: UUID
    kind: str
    state: str
    version: int
    content_hash: str
    created_at: datetime
    expires_at: datetime
    claimed_by: int | None
    claim_expires_at: datetime | None
    erased: bool
    context: ContextBody
    preview: DraftBody
    reasoning: ReasoningBody


class PendingPage(ResponseModel):
    """One page of the queue."""

    next: str | None
    results: list[PendingAction]


class ActionBody(RootModel[ActionDetail]):
    """Everything that a reviewer decides by."""


def print_pending(summary: ActionSummary) -> dict[str, Any]:
    """Print one row of the queue."""
    body = PendingAction(
        id=summary.id,
        kind=summary.kind,
        state=summary.state,
        version=summary.version,
        content_hash=summary.draft.content_hash,
        created_at=summary.created_at,
        expires_at=summary.expires_at,
        claimed_by=summary.claimed_by,
        claim_expires_at=summary.claim_expires_at,
        erased=summary.erased,
        context=ContextBody(
            account_id=summary.account_id,
            account_name=summary.account_name,
            intent=summary.intent,
            evidence=tuple(EvidenceBody.model_validate(item) for item in summary.evidence),
        ),
        preview=print_draft(summary.draft),
        reasoning=ReasoningBody(
            points=tuple(SpanBody.model_validate(span) for span in summary.reasoning),
            p_action=summary.p_action,
            p_draft=summary.p_draft,
            basis=summary.basis,
            warnings=summary.warnings,
        ),
    )
    return body.model_dump(mode="json")


def print_draft(draft: DraftView) -> DraftBody:
    """Print a text."""
    return DraftBody.model_validate(draft)
