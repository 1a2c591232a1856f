"""When a breach must be told to whom, and what may be recorded about it when. Pure.

Sources: GDPR Art. 33(1) (authority, 72 hours after becoming aware, else with reasons for the delay),
Art. 34 (persons, without undue delay, where the risk is high), Art. 33(5) (a record of every breach);
DPDP Rules 2025, Rule 7 (Board and persons, 72 hours for the details). Written down by engineers: have
counsel check them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

AUTHORITY_TERM = timedelta(hours=72)


class Decision(StrEnum):
    """What an officer can record; the value is the second half of the audit name."""

    NOTIFY_AUTHORITY = "reported"
    WAIVE_AUTHORITY = "report_waived"
    NOTIFY_PERSONS = "persons_told"
    WAIVE_PERSONS = "telling_waived"
    CLOSE = "closed"


NATURES = ("confidentiality", "integrity", "availability")
RISKS = ("unlikely", "risk", "high")
DELAY_REASONS = ("investigation", "staged_notification", "order_of_authority", "not_recognised")
WAIVER_REASONS = {
    Decision.WAIVE_AUTHORITY: ("risk_unlikely",),
    Decision.WAIVE_PERSONS: ("risk_not_high", "data_encrypted", "risk_removed", "public_communication"),
}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is settled about a breach."""

    authority_due_at: datetime
    is_authority_settled: bool
    are_persons_settled: bool
    is_closed: bool


class DecisionRefused(ValueError):
    """It does not fit where the breach stands; ``field`` says what is wrong with what was given."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


def authority_due(aware_at: datetime) -> datetime:
    """Return by when the authority is to be told: 72 hours by the clock, weekends included."""
    return aware_at + AUTHORITY_TERM


def check(decision: Decision, standing: Standing, *, code: str, now: datetime) -> None:
    """Refuse what was decided already, what comes too early, and a late report without its reason.

    A code is kept for as long as the breach and the audit log, so it is one of a list, or else empty.

    Raises:
        DecisionRefused.
    """
    if standing.is_closed:
        raise DecisionRefused("move", "comes after the breach was closed")
    is_late = decision is Decision.NOTIFY_AUTHORITY and now > standing.authority_due_at
    _check_code(code, WAIVER_REASONS.get(decision) or (DELAY_REASONS if is_late else ("",)))
    if decision in (Decision.NOTIFY_AUTHORITY, Decision.WAIVE_AUTHORITY):
        if standing.is_authority_settled:
            raise DecisionRefused("move", "was decided before")
    elif decision in (Decision.NOTIFY_PERSONS, Decision.WAIVE_PERSONS):
        if standing.are_persons_settled:
            raise DecisionRefused("move", "was decided before")
    elif not (standing.is_authority_settled and standing.are_persons_settled):
        raise DecisionRefused("move", "comes when authority and persons are settled")


def _check_code(code: str, known: tuple[str, ...]) -> None:
    if code not in known:
        raise DecisionRefused("code", f"is one of {', '.join(known)}" if any(known) else "is empty here")
