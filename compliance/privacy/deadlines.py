"""By when the law wants an answer, and by how much it may be put off. Pure.

Days are counted from the day of receipt where the person lives and end at that place's midnight. Neither an
unverified identity nor a hold stops a clock: CCPA regulations § 7021 say so, elsewhere it is the careful
reading. A GDPR month that ends on a weekend is not rolled forward although Regulation 1182/71 allows it:
an early answer is never late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from compliance.privacy.calendars import add_months, add_us_business_days


@dataclass(frozen=True, kw_only=True)
class Term:
    """A length of time: calendar months and days, or business days of the United States."""

    months: int = 0
    days: int = 0
    us_business_days: int = 0

    def after(self, day: date) -> date:
        """Return the last day of the term that begins after ``day``."""
        if self.us_business_days:
            return add_us_business_days(day, self.us_business_days)
        return add_months(day, self.months) + timedelta(days=self.days)


@dataclass(frozen=True, kw_only=True)
class Law:
    """The terms of one law. ``extended`` is the whole term from receipt once it was extended."""

    name: str
    answer: Term
    extended: Term | None = None
    confirm: Term | None = None
    opt_out: Term | None = None


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The days by which a request must be confirmed and answered; instants, UTC."""

    confirm_by: datetime | None
    due_at: datetime


class ExtensionRefused(ValueError):
    """The law gives no extension, or not any more; ``reason`` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_MONTH = {"answer": Term(months=1), "extended": Term(months=3)}
_THIRTY = {"answer": Term(days=30), "extended": Term(days=60)}
LAWS: dict[str, Law] = {
    "gdpr": Law(name="GDPR Art. 12(3)", **_MONTH),
    "uk_gdpr": Law(name="UK GDPR Art. 12(3)", **_MONTH),
    "fadp": Law(name="FADP Art. 25(7)", answer=Term(days=30)),
    "ccpa": Law(
        name="CCPA regulations § 7021, § 7026",
        confirm=Term(us_business_days=10),
        answer=Term(days=45),
        extended=Term(days=90),
        opt_out=Term(us_business_days=15),
    ),
    "can_spam": Law(
        name="CAN-SPAM § 5(a)(4); else company practice",
        answer=Term(days=45),
        opt_out=Term(us_business_days=10),
    ),
    "dpdp": Law(name="DPDP Rule 14(3)", answer=Term(days=90)),
    "casl": Law(name="PIPEDA 8(3), CASL 11(3)", opt_out=Term(us_business_days=10), **_THIRTY),
    "pdpa": Law(name="PDPA regulations 5", answer=Term(days=30)),
    "spam_act": Law(name="APP 12.4", answer=Term(days=30), opt_out=Term(us_business_days=5)),
    "uema": Law(name="Privacy Act 2020 s 44", answer=Term(days=28), opt_out=Term(us_business_days=5)),
    "lgpd": Law(name="LGPD Art. 19", answer=Term(days=15)),
}
# A place that no rules are known for gets the shortest term.
FALLBACK = Law(name="no law on file: the shortest term", answer=Term(days=15))

# The zone of each place; of several, the one with most people.
_ZONES = {
    "US": "America/New_York", "US-CA": "America/Los_Angeles", "CA": "America/Toronto", "IN": "Asia/Kolkata",
    "AU": "Australia/Sydney", "NZ": "Pacific/Auckland", "SG": "Asia/Singapore", "BR": "America/Sao_Paulo",
    "UK": "Europe/London", "IE": "Europe/Dublin", "PT": "Europe/Lisbon",
}  # fmt: skip
_DEFAULT_ZONE = "Europe/Brussels"


def get_law(regime: str) -> Law:
    """Return the terms of a regime."""
    return LAWS.get(regime, FALLBACK)


def start_clock(*, regime: str, jurisdiction: str, is_opt_out: bool, received_at: datetime) -> Clock:
    """Return the clock of a request; an opt-out or objection to marketing has the shorter term if any."""
    law = get_law(regime)
    answer = law.opt_out if is_opt_out and law.opt_out else law.answer
    confirm = None if is_opt_out else law.confirm
    day = local_day(received_at, jurisdiction)
    return Clock(
        confirm_by=_end_of(confirm.after(day), jurisdiction) if confirm else None,
        due_at=_end_of(answer.after(day), jurisdiction),
    )


def extend(
    *,
    regime: str,
    jurisdiction: str,
    is_opt_out: bool,
    received_at: datetime,
    due_at: datetime,
    now: datetime,
) -> datetime:
    """Return the later due time; allowed once, and only while the first one has not passed.

    Raises:
        ExtensionRefused: ``no_extension``, ``already_extended`` or ``too_late``.
    """
    law = get_law(regime)
    if law.extended is None or is_opt_out:
        raise ExtensionRefused("no_extension")
    if due_at != _end_of(law.answer.after(local_day(received_at, jurisdiction)), jurisdiction):
        raise ExtensionRefused("already_extended")
    if now > due_at:
        raise ExtensionRefused("too_late")
    return _end_of(law.extended.after(local_day(received_at, jurisdiction)), jurisdiction)


def local_day(instant: datetime, jurisdiction: str) -> date:
    """Return the calendar day of an instant where the person lives."""
    return instant.astimezone(_zone(jurisdiction)).date()


def _end_of(day: date, jurisdiction: str) -> datetime:
    """Return the last second of a day there, UTC."""
    return datetime.combine(day, time(23, 59, 59), _zone(jurisdiction)).astimezone(UTC)


def _zone(jurisdiction: str) -> ZoneInfo:
    return ZoneInfo(_ZONES.get(jurisdiction, _DEFAULT_ZONE))
