"""Reads of the connectors: the inbound log and the mapped sources."""

from datetime import datetime
from typing import Any

from django.db.models import Max, Q, QuerySet, Sum

from integrations.generic.mapping import SourceMapping
from integrations.models import InboundRequest, MappedSource
from signals.contracts import REFERENCE_KINDS

EXPRESSIONS = (
    "events",
    "type",
    "external_id",
    "natural_key",
    "occurred_at",
    "strength",
    *(f"account_{kind}" for kind in REFERENCE_KINDS),
    "person_mail",
    "person_name",
    "person_title",
)


def list_inbound(*, source: str = "", problems: bool = False) -> QuerySet[InboundRequest]:
    """Return the lines of the inbound log, newest first; `problems` leaves out those that went well."""
    lines = InboundRequest.objects.order_by("-id")
    if source:
        lines = lines.filter(source=source)
    if problems:
        lines = lines.filter(Q(status__gte=400) | Q(quarantined__gt=0) | Q(conflicts__gt=0))
    return lines


def list_totals(*, since: datetime) -> list[dict[str, Any]]:
    """Return per source the counts since an instant, and when its last webhook was let in."""
    let_in = Q(status__lt=400)
    counts = ("accepted", "duplicates", "conflicts", "quarantined", "noted")
    rows = InboundRequest.objects.filter(first_at__gte=since).values("source").order_by("source")
    totals: Any = rows.annotate(
        last_in=Max("last_at", filter=let_in),
        refused=Sum("requests", filter=~let_in, default=0),
        **{f"{name}_sum": Sum(name, default=0) for name in counts},
    )
    return list(totals)


def find_source(slug: str) -> MappedSource | None:
    """Return the mapped source of an address, or None."""
    return MappedSource.objects.filter(slug=slug).first()


def list_sources() -> list[MappedSource]:
    """Return the mapped sources by name."""
    return list(MappedSource.objects.order_by("slug"))


def mapping_of(source: MappedSource) -> SourceMapping:
    """Return the mapping that a row holds."""
    given = {name: getattr(source, name) for name in EXPRESSIONS if name != "events"}
    return SourceMapping(
        source=source.slug,
        fields={name: expression for name, expression in given.items() if expression},
        attributes=source.attributes,
        translations=source.translations,
        events=source.events,
    )
