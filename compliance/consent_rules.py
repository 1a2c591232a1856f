"""What a consent may be about, how its fields must look, and what a policy makes of it. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Protocol

DEFAULT_PURPOSE = "outreach"
DEFAULT_CHANNEL = "email"
# Sale or sharing of personal data in California's sense: there is only an opt-out of it.
SALE_SHARING = "sale_sharing"
PURPOSES = ("outreach", "enrichment", "analytics", SALE_SHARING)
CHANNELS = ("email", "phone", "messaging", "post")
LAWFUL_BASES = ("consent", "soft_opt_in", "legitimate_interest")
DEFAULT_SUBSCRIBER = "individual"
SUBSCRIBER_TYPES = (DEFAULT_SUBSCRIBER, "corporate", "sole_trader")

_CHOICES = {
    "purpose": PURPOSES,
    "channel": CHANNELS,
    "lawful_basis": LAWFUL_BASES,
    "subscriber_type": SUBSCRIBER_TYPES,
}
# Source and notice go into the audit log, hence no free text that could hold an address.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}")
_JURISDICTION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class Mode(StrEnum):
    """What a law demands before somebody is contacted."""

    OPT_IN = "opt_in"
    SOFT_OPT_IN = "soft_opt_in"
    OPT_OUT = "opt_out"
    DENY = "deny"


class Status(StrEnum):
    """What a statement says."""

    GRANTED = "granted"
    PENDING = "pending_confirmation"
    REVOKED = "revoked"
    OPTED_OUT = "opted_out"


# Why a decision came out as it did; every answer carries one of these.
REASONS = (
    "allowed",
    "no_consent",
    "revoked",
    "opted_out",
    "unconfirmed",
    "expired",
    "unknown_jurisdiction",
    "no_policy",
    "policy_denies",
    "basis_insufficient",
    "suppressed",
    "erased",
)
# The bases that each mode accepts: a consent is good everywhere, an interest of ours only where the law
# leaves it to the person to object.
_ACCEPTED: dict[str, frozenset[str]] = {
    Mode.OPT_IN: frozenset({"consent"}),
    Mode.SOFT_OPT_IN: frozenset({"consent", "soft_opt_in"}),
    Mode.OPT_OUT: frozenset(LAWFUL_BASES),
    Mode.DENY: frozenset(),
}
_WITHDRAWN = {Status.REVOKED: "revoked", Status.OPTED_OUT: "opted_out", Status.PENDING: "unconfirmed"}


class Statement(Protocol):
    """What a decision reads of a revision."""

    status: str
    lawful_basis: str
    expires_at: datetime | None
    confirmed_at: datetime | None


class Policy(Protocol):
    """What a decision reads of a policy row."""

    mode: str
    double_opt_in: bool


class InvalidConsent(ValueError):
    """A statement cannot be recorded as given; ``field`` says which part."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


def judge_statement(statement: Statement, *, now: datetime) -> str:
    """Return why a statement does not allow anything by itself, or an empty text."""
    if statement.status != Status.GRANTED:
        return _WITHDRAWN.get(Status(statement.status), "no_consent")
    if statement.expires_at is not None and statement.expires_at <= now:
        return "expired"
    return ""


def judge_policy(statement: Statement, policy: Policy) -> str:
    """Return why a policy refuses a statement, or an empty text."""
    if policy.mode == Mode.DENY:
        return "policy_denies"
    if statement.lawful_basis not in _ACCEPTED[policy.mode]:
        return "basis_insufficient"
    if policy.double_opt_in and statement.lawful_basis == "consent" and statement.confirmed_at is None:
        return "unconfirmed"
    return ""


def check_choice(field: str, value: str) -> None:
    """Refuse a purpose, channel, lawful basis or subscriber type that is not known.

    Raises:
        InvalidConsent: with the known ones.
    """
    if value not in _CHOICES[field]:
        raise InvalidConsent(field, f"is one of {', '.join(_CHOICES[field])}")


def check_label(field: str, value: str) -> None:
    """Refuse a source or notice version that is not a short label.

    Raises:
        InvalidConsent: with the allowed form.
    """
    if not _LABEL.fullmatch(value):
        raise InvalidConsent(field, "is 1 to 64 letters, digits, blanks and . _ : / -")


def check_jurisdiction(code: str) -> None:
    """Refuse what is no jurisdiction code; whether it is known is the decision's business.

    Raises:
        InvalidConsent: with examples.
    """
    if not _JURISDICTION.fullmatch(code):
        raise InvalidConsent("jurisdiction", "is a code such as DE, UK or US-CA")
