"""What compliance hands to other apps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class ConsentStatement:
    """One recorded revision."""

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


@dataclass(frozen=True, kw_only=True)
class ConsentDecision:
    """Whether a person may be contacted, and why.

    ``reason`` is one of ``consent_rules.REASONS``; ``policy_id`` is the row of the policy table that governs.
    """

    allowed: bool
    reason: str
    revision_id: UUID | None
    decided_at: datetime
    jurisdiction: str = ""
    notice_version: str = ""
    captured_at: datetime | None = None
    policy_id: int | None = None
