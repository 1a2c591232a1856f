"""Bodies of the privacy request endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from revctx.api.schemas import RequestModel, ResponseModel


class Identity(RequestModel):
    """Who asks."""

    email: str = Field(min_length=3, max_length=320)


class Corrections(RequestModel):
    """What is right instead."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    title: str | None = Field(default=None, min_length=1, max_length=200)


class PrivacyRequestCreate(RequestModel):
    """A request of a person about their own data."""

    type: str = Field(
        max_length=16,
        description="access, portability, rectification, erasure, restriction, objection or opt_out.",
    )
    identity: Identity
    jurisdiction: str = Field(max_length=8, description="Such as EU, DE, UK, US, US-CA, IN.")
    verified_by: str = Field(
        default="",
        max_length=64,
        description="How the identity was established: email_link, account_login, document, call_back, "
        "authorised_agent or officer. Empty: it has yet to be.",
    )
    corrections: Corrections | None = Field(default=None, description="With a rectification, and only then.")


class PrivacyDecision(RequestModel):
    """What an officer does with a request."""

    move: Literal["verify", "approve", "deny", "hold", "resume", "extend", "confirm", "notice", "lift"]
    code: str = Field(default="", max_length=64, description="The method or reason, where the move has one.")


class PrivacyTargetResponse(ResponseModel):
    """One place that the request reaches."""

    name: str
    kind: str
    state: str
    attempts: int
    error_code: str
    acknowledged_at: datetime | None


class PrivacyRequestResponse(ResponseModel):
    """Where a request stands. Ids and codes only."""

    id: UUID
    type: str
    state: str
    reason_code: str
    jurisdiction: str
    regime: str
    subject_id: UUID | None
    duplicate_of: UUID | None = Field(validation_alias="duplicate_of_id")
    verified_by: str
    received_at: datetime
    confirm_by: datetime | None
    confirmed_at: datetime | None
    due_at: datetime
    extension_reason: str
    verified_at: datetime | None
    closed_at: datetime | None
    shred_at: datetime | None
    pre_erasure_notice_at: datetime | None


class PrivacyRequestDetail(PrivacyRequestResponse):
    """A request with its targets."""

    targets: list[PrivacyTargetResponse]


class PrivacyRequestPage(ResponseModel):
    """A page of requests."""

    next: str | None
    results: list[PrivacyRequestResponse]


class CertificateResponse(ResponseModel):
    """A signed statement; check `signature.value` over `certificate` with the public key that you pinned.

    `audit_proofs` holds the inclusion proof of each audit row it names; `checkpoint` is null until the seal.
    """

    certificate: dict[str, Any]
    signature: dict[str, Any]
    audit_proofs: list[dict[str, Any]]


class ExportResponse(ResponseModel):
    """Everything that is held about the person, by the part of the product that holds it."""

    format: str
    request_id: UUID
    subject_id: UUID
    generated_at: datetime
    address: str
    sections: dict[str, Any]
