"""Record a breach and what is decided about it; every change is an audit row in its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Min, QuerySet

from compliance import audit
from compliance.breaches import registry, rules
from compliance.breaches.models import Breach
from compliance.breaches.rules import Decision, DecisionRefused

AUDIT_NAMES = frozenset(
    {"breach.recorded", "breach.affected_listed", *(f"breach.{d.value}" for d in Decision)}
)


class UnknownBreach(LookupError):
    """No breach has that id."""


@transaction.atomic
def record_breach(
    *,
    summary: str,
    nature: str,
    risk: str,
    places: Sequence[str],
    recorded_until: datetime,
    aware_at: datetime,
    actor: str,
    now: datetime,
    recorded_from: datetime | None = None,
) -> Breach:
    """Write a breach down; its clock runs from ``aware_at``.

    Raises:
        DecisionRefused: an unknown code or place, a time to come, or an empty period.
    """
    _check(summary, nature, risk, places)
    if aware_at > now:
        raise DecisionRefused("aware_at", "is not in the future")
    if recorded_from is not None and recorded_from >= recorded_until:
        raise DecisionRefused("recorded_from", "is before recorded_until")
    breach = Breach.objects.create(
        summary=summary.strip(),
        nature=nature,
        risk=risk,
        places=sorted(set(places)),
        recorded_from=recorded_from,
        recorded_until=recorded_until,
        aware_at=aware_at,
        authority_due_at=rules.authority_due(aware_at),
        created_at=now,
    )
    _record(breach, "breach.recorded", actor=actor, now=now, facts={"risk": risk, "nature": nature})
    return breach


@transaction.atomic
def decide(*, breach_id: UUID, move: str, code: str, actor: str, now: datetime) -> Breach:
    """Record that somebody was told, need not be told, or that all is done.

    Raises:
        UnknownBreach.
        DecisionRefused: an unknown move or code, or it does not fit where the breach stands.
    """
    try:
        decision = Decision(move)
    except ValueError:
        known = ", ".join(each.value for each in Decision)
        raise DecisionRefused("move", f"is one of {known}") from None
    breach = _lock(breach_id)
    rules.check(decision, _standing(breach), code=code, now=now)
    if decision in (Decision.NOTIFY_AUTHORITY, Decision.WAIVE_AUTHORITY):
        breach.authority_code = code
        breach.authority_notified_at = now if decision is Decision.NOTIFY_AUTHORITY else None
    elif decision in (Decision.NOTIFY_PERSONS, Decision.WAIVE_PERSONS):
        breach.persons_code = code
        breach.persons_told_at = now if decision is Decision.NOTIFY_PERSONS else None
    else:
        breach.closed_at = now
    breach.save()
    _record(breach, f"breach.{decision.value}", actor=actor, now=now, facts={"code": code})
    return breach


def get_breach(breach_id: UUID) -> Breach:
    """Return a breach.

    Raises:
        UnknownBreach: no such breach.
    """
    breach = Breach.objects.filter(id=breach_id).first()
    if breach is None:
        raise UnknownBreach(str(breach_id))
    return breach


def list_breaches() -> QuerySet[Breach]:
    """Return every breach, unordered."""
    return Breach.objects.all()


def read_seconds_left(*, now: datetime) -> float:
    """Return the time until the first open report to an authority is due, seconds; a term when none is."""
    open_ones = Breach.objects.filter(authority_notified_at=None, authority_code="", closed_at=None)
    due_at = open_ones.aggregate(due=Min("authority_due_at"))["due"]
    return ((due_at - now) if due_at else rules.AUTHORITY_TERM).total_seconds()


def is_authority_settled(breach: Breach) -> bool:
    """Return whether the authority was told, or need not be."""
    return breach.authority_notified_at is not None or bool(breach.authority_code)


def are_persons_settled(breach: Breach) -> bool:
    """Return whether the persons were told, or need not be."""
    return breach.persons_told_at is not None or bool(breach.persons_code)


def record_listing(*, breach: Breach, actor: str, now: datetime, count: int) -> None:
    """Write down that somebody took the list of affected persons; inside a transaction."""
    _record(breach, "breach.affected_listed", actor=actor, now=now, facts={"persons": count})


def _lock(breach_id: UUID) -> Breach:
    breach = Breach.objects.select_for_update().filter(id=breach_id).first()
    if breach is None:
        raise UnknownBreach(str(breach_id))
    return breach


def _standing(breach: Breach) -> rules.Standing:
    return rules.Standing(
        authority_due_at=breach.authority_due_at,
        is_authority_settled=is_authority_settled(breach),
        are_persons_settled=are_persons_settled(breach),
        is_closed=breach.closed_at is not None,
    )


def _check(summary: str, nature: str, risk: str, places: Sequence[str]) -> None:
    if not summary.strip() or len(summary) > 1000:
        raise DecisionRefused("summary", "has 1 to 1,000 characters")
    if "@" in summary:  # a record of a breach outlives the persons whom it concerns
        raise DecisionRefused("summary", "names nobody, so it may hold no e-mail address")
    for field, value, known in (("nature", nature, rules.NATURES), ("risk", risk, rules.RISKS)):
        if value not in known:
            raise DecisionRefused(field, f"is one of {', '.join(known)}")
    searchable = registry.list_searchable()
    if not places or set(places) - set(searchable):
        raise DecisionRefused("places", f"are one or more of {', '.join(searchable)}")


def _record(
    breach: Breach, name: str, *, actor: str, now: datetime, facts: dict[str, audit.PayloadValue]
) -> None:
    entry = audit.AuditEntry(
        name=name, actor=actor, target_type="breach", target_id=str(breach.id), at=now, payload=facts
    )
    audit.record([entry])
