"""Bodies of the compliance endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from compliance.consent_rules import DEFAULT_CHANNEL, DEFAULT_PURPOSE, DEFAULT_SUBSCRIBER
from compliance.contracts import ConsentDecision, ConsentStatement
from compliance.models import AuditLog
from revctx.api.schemas import RequestModel, ResponseModel
from revctx.api.times import Instant


class ConsentGrantRequest(RequestModel):
    """A consent that was given."""

    email: str = Field(min_length=3, max_length=320)
    purpose: str = Field(default=DEFAULT_PURPOSE, max_length=32)
    channel: str = Field(default=DEFAULT_CHANNEL, max_length=32)
    jurisdiction: str = Field(max_length=8, description="Such as EU, DE, UK, US, US-CA, IN.")
    notice_version: str = Field(max_length=64, description="The notice that the person was shown.")
    source: str = Field(max_length=64, description="Where the consent was captured.")
    lawful_basis: str = Field(
        default="consent", max_length=32, description="consent, soft_opt_in or legitimate_interest."
    )
    subscriber_type: str = Field(
        default=DEFAULT_SUBSCRIBER, max_length=16, description="individual, corporate or sole_trader."
    )
    expires_at: Instant | None = None


class ConsentCheckRequest(RequestModel):
    """A question whether an address, or a person known by id, may be contacted."""

    email: str | None = Field(default=None, min_length=3, max_length=320)
    subject_id: UUID | None = None
    purpose: str = Field(default=DEFAULT_PURPOSE, max_length=32)
    channel: str = Field(default=DEFAULT_CHANNEL, max_length=32)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.email is None) == (self.subject_id is None):
            raise ValueError("give email or subject_id")
        return self


class ConsentHistoryRequest(RequestModel):
    """A question what a person ever said."""

    email: str = Field(min_length=3, max_length=320)
    purpose: str | None = Field(default=None, max_length=32)
    channel: str | None = Field(default=None, max_length=32)


class ConsentRevokeRequest(RequestModel):
    """A withdrawal; of everything unless a purpose or channel is named."""

    email: str = Field(min_length=3, max_length=320)
    purpose: str | None = Field(default=None, max_length=32)
    channel: str | None = Field(default=None, max_length=32)
    source: str = Field(default="api", max_length=64)


class ConsentStatementResponse(ResponseModel):
    """One recorded statement."""

    id: UUID
    subject_id: UUID
    purpose: str
    channel: str
    number: int
    status: str
    lawful_basis: str
    jurisdiction: str
    notice_version: str
    source: str
    captured_at: datetime
    expires_at: datetime | None
    subscriber_type: str
    confirmed_at: datetime | None


class ConsentDecisionResponse(ResponseModel):
    """Whether the person may be contacted for a purpose by a channel, and why."""

    allowed: bool
    reason: str
    revision_id: UUID | None
    decided_at: datetime
    jurisdiction: str
    notice_version: str
    captured_at: datetime | None
    policy_id: int | None


class ConsentGrantResponse(ConsentStatementResponse):
    """The recorded statement and what follows from it now.

    ``confirmation_url`` is the link to send to the person where the consent waits for a confirmation.
    """

    decision: ConsentDecisionResponse
    confirmation_url: str | None = None


class ConsentStatusResponse(ConsentDecisionResponse):
    """The decision asked for, and what the person last said on every purpose and channel."""

    subject_id: UUID | None
    sale_sharing_opt_out: bool
    statements: list[ConsentStatementResponse]

    @classmethod
    def of(
        cls,
        subject_id: UUID | None,
        decision: ConsentDecision,
        statements: list[ConsentStatement],
        *,
        sale_sharing_opt_out: bool,
    ) -> Self:
        """Print a decision and the statements behind it."""
        return cls(
            subject_id=subject_id,
            sale_sharing_opt_out=sale_sharing_opt_out,
            statements=[ConsentStatementResponse.model_validate(statement) for statement in statements],
            **ConsentDecisionResponse.model_validate(decision).model_dump(),
        )


class ConsentHistoryResponse(ResponseModel):
    """What a person ever said, the newest first."""

    subject_id: UUID
    sale_sharing_opt_out: bool
    statements: list[ConsentStatementResponse]


class ConsentReceiptKey(ResponseModel):
    """The public key of receipts (RFC 8037)."""

    kty: str
    crv: str
    use: str
    kid: str
    x: str


class ConsentRevokeResponse(ResponseModel):
    """The withdrawals that were recorded; none if nothing stood."""

    revoked: list[ConsentStatementResponse]


class AuditEventResponse(ResponseModel):
    """One recorded transition."""

    id: UUID
    recorded_at: datetime
    occurred_at: datetime
    txid: int
    name: str
    actor: str
    target_type: str
    target_id: str
    account_id: UUID | None
    request_id: str
    payload: dict[str, Any]

    @classmethod
    def of(cls, row: AuditLog) -> Self:
        """Print a row."""
        return cls.model_validate(row)


class AuditEventPage(ResponseModel):
    """A page of recorded transitions."""

    next: str | None
    results: list[AuditEventResponse]
