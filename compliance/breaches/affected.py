"""The persons that a breach concerns: how many, where they live, and, to tell them, their addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import subjects
from compliance.breaches import registry, services
from compliance.breaches.models import Breach
from compliance.models import ConsentRevision

PURPOSE = "breach.notification"
CHUNK = 1000
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Affected:
    """One person a breach concerns. ``jurisdiction`` is that of their newest consent, else ``unknown``."""

    subject_id: UUID
    places: tuple[str, ...]
    jurisdiction: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How many persons a breach concerns. ``erased`` ones cannot be told any more."""

    persons: int
    erased: int
    by_place: dict[str, int]
    by_jurisdiction: dict[str, int]


def list_affected(breach: Breach) -> tuple[list[Affected], set[UUID]]:
    """Return the persons concerned that can still be told, by id, and the ids of those that were erased."""
    found: dict[UUID, list[str]] = {}
    for place in breach.places:
        for subject_id in registry.find_persons(place, breach.recorded_from, breach.recorded_until):
            found.setdefault(subject_id, []).append(place)
    erased = subjects.list_erased(list(found))
    homes = _find_homes([subject_id for subject_id in found if subject_id not in erased])
    affected = [
        Affected(
            subject_id=subject_id,
            places=tuple(places),
            jurisdiction=homes.get(subject_id, UNKNOWN),
        )
        for subject_id, places in sorted(found.items())
        if subject_id not in erased
    ]
    return affected, erased


def summarize(breach: Breach) -> Summary:
    """Count the persons concerned."""
    affected, erased = list_affected(breach)
    return Summary(
        persons=len(affected),
        erased=len(erased),
        by_place=dict(sorted(Counter(place for one in affected for place in one.places).items())),
        by_jurisdiction=dict(sorted(Counter(one.jurisdiction for one in affected).items())),
    )


@transaction.atomic
def list_addresses(breach: Breach, *, actor: str, now: datetime) -> list[tuple[Affected, str]]:
    """Return the persons concerned with their addresses, in order to tell them; audited."""
    affected, _ = list_affected(breach)
    services.record_listing(breach=breach, actor=actor, now=now, count=len(affected))
    rows: list[tuple[Affected, str]] = []
    for first in range(0, len(affected), CHUNK):
        chunk = affected[first : first + CHUNK]
        ids = [one.subject_id for one in chunk]
        addresses = subjects.get_address(subject_ids=ids, actor=actor, purpose=PURPOSE, now=now)
        rows += [(one, addresses[one.subject_id]) for one in chunk if one.subject_id in addresses]
    return rows


def _find_homes(subject_ids: Sequence[UUID]) -> dict[UUID, str]:
    newest = (
        ConsentRevision.objects.filter(subject_id__in=subject_ids)
        .order_by("subject_id", "-recorded_at")
        .distinct("subject_id")
    )
    return dict(newest.values_list("subject_id", "jurisdiction"))
