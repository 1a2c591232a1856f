"""The policy table: which row governs a case, and how rows are changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction

from compliance import audit
from compliance.consent_rules import DEFAULT_PURPOSE
from compliance.jurisdictions import list_places
from compliance.models import ConsentPolicy

# Country and subscriber type → row, of one channel.
PolicyTable = dict[tuple[str, str], ConsentPolicy]


def read_table(*, jurisdictions: Collection[str], channel: str) -> PolicyTable:
    """Read the rows of a channel that may govern these jurisdictions, in one query."""
    places = {place for code in jurisdictions for place in list_places(code)}
    if not places:
        return {}
    rows = ConsentPolicy.objects.filter(country__in=places, channel=channel)
    return {(row.country, row.subscriber_type): row for row in rows}


def choose_policy(table: PolicyTable, *, jurisdiction: str, subscriber_type: str) -> ConsentPolicy | None:
    """Return the row of the narrowest place that has one, such as US-CA before US."""
    rows = (table.get((place, subscriber_type)) for place in list_places(jurisdiction))
    return next((row for row in rows if row is not None), None)


def asks_confirmation(*, purpose: str, channel: str, jurisdiction: str, subscriber_type: str) -> bool:
    """Tell whether a consent counts only after the person confirmed it."""
    if purpose != DEFAULT_PURPOSE:
        return False
    table = read_table(jurisdictions=[jurisdiction], channel=channel)
    policy = choose_policy(table, jurisdiction=jurisdiction, subscriber_type=subscriber_type)
    return policy is not None and policy.double_opt_in


@transaction.atomic
def save_policy(policy: ConsentPolicy, *, actor: str, now: datetime) -> None:
    """Store a new or changed row and audit what it said before; it governs from the next decision on."""
    before = ConsentPolicy.objects.select_for_update().filter(pk=policy.pk).first() if policy.pk else None
    policy.updated_at = now
    policy.save()
    payload = {f"old_{name}": value for name, value in _facts(before).items()} if before else {}
    audit.record(
        [
            audit.AuditEntry(
                name="consent_policy.changed" if before else "consent_policy.added",
                actor=actor,
                target_type="consent_policy",
                target_id=str(policy.pk),
                at=now,
                payload=payload | _facts(policy),
            )
        ]
    )


def _facts(policy: ConsentPolicy) -> dict[str, Any]:
    names = ("country", "subscriber_type", "channel", "mode", "double_opt_in", "legal_source")
    return {name: getattr(policy, name) for name in names}
