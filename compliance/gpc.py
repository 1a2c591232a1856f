"""Global Privacy Control: `Sec-GPC: 1` is the person's opt-out of sale and sharing.

Source: CCPA regulations (11 CCR) section 7025; W3C Global Privacy Control.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from compliance import consent
from compliance.consent_rules import SALE_SHARING, Status
from compliance.consent_store import find_standing

HEADER = "Sec-GPC"
SOURCE = "sec-gpc"
ACTOR = "system:gpc"
JURISDICTION = "US-CA"


def carries_signal(headers: Mapping[str, str]) -> bool:
    """Tell whether a request carries the signal; any other value than 1 is none."""
    return headers.get(HEADER, "").strip() == "1"


def honour(*, subject_id: UUID | None, headers: Mapping[str, str], now: datetime) -> bool:
    """Record the opt-out of a known person whose request carries the signal; return whether it stands now.

    The caller knows that the request is that person's own, or was made on their behalf.
    """
    if subject_id is None:
        return False
    if carries_signal(headers):
        consent.opt_out(subject_id=subject_id, jurisdiction=JURISDICTION, source=SOURCE, actor=ACTOR, now=now)
    return is_opted_out(subject_id=subject_id)


def is_opted_out(*, subject_id: UUID) -> bool:
    """Tell whether a person's data must not be sold or shared."""
    standing = find_standing(subject_id=subject_id, purpose=SALE_SHARING, channel=consent.DEFAULT_CHANNEL)
    return standing is not None and standing.status == Status.OPTED_OUT
