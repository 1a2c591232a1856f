"""Reads of the signal store. Sealed parts stay sealed; `services.opening` opens them, audited."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, Lookup, Min, Q, QuerySet

from revctx.reading import read_once
from signals.contracts import (
    REFERENCE_KINDS,
    QuarantineCount,
    ScorableSignal,
    SignalFact,
    SignalTypeData,
)
from signals.identifiers import received_between
from signals.models import QuarantinedPayload, Signal, SignalCode, SignalType
from signals.normalization import Catalogue, attribute_kinds
from signals.payload_schemas import SchemaSet
from signals.scorable import read_scorable


class _AnyOf(Lookup):
    """`lhs = ANY (rhs)`.

    PostgreSQL keeps no statistics of JSON, takes a reference for common, and would read the signals by
    time until it met a page of them. An array is computed first, and its ids are looked up.
    """

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        lhs, lhs_parameters = self.process_lhs(compiler, connection)
        rhs, rhs_parameters = self.process_rhs(compiler, connection)
        return f"{lhs} = ANY ({rhs})", (*lhs_parameters, *rhs_parameters)


class SignalNotFound(Exception):
    """No signal has this id."""


def list_scorable(*, signal_ids: Sequence[UUID]) -> list[ScorableSignal]:
    """Return what scoring needs, in the order of receipt; second versions of an event are left out.

    Signals with equal references share one mapping of them, as do those with equal attributes.
    """
    return read_scorable(signal_ids)


def list_scorable_after(
    *, after: UUID | None, since: datetime | None, until: datetime, limit: int
) -> tuple[list[ScorableSignal], UUID | None]:
    """Return the next page of the store for a replay, in the order of ids, which is that of receipt.

    `since` is included, `until` is not; `after` is the last id of the page before. Returns what scoring
    needs and the last id looked at, None at the end.
    """
    start = max(filter(None, (since, received_between([after])[0] if after else None)), default=None)
    rows = Signal.objects.filter(received_at__lt=until).order_by("id")
    if start is not None:
        rows = rows.filter(received_at__gte=start)
    if after is not None:
        rows = rows.filter(id__gt=after)
    ids = list(rows.values_list("id", flat=True)[:limit])
    return (list_scorable(signal_ids=ids), ids[-1]) if ids else ([], None)


def list_signal_facts(*, signal_ids: Sequence[UUID]) -> dict[UUID, SignalFact]:
    """Return the typed facts of signals; unknown ids are left out."""
    return {
        row.id: SignalFact(
            id=row.id,
            type=row.type,
            source=row.source,
            occurred_at=row.occurred_at,
            attributes=row.attributes,
        )
        for row in list_rows(signal_ids=signal_ids).defer("sealed")
    }


def list_signals(
    *,
    account: str | None = None,
    type: str | None = None,
    source: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Signal]:
    """Return signals, the latest to occur first.

    `account` is a reference of any kind, as the source gave it; `since` and `until` are moments of
    occurrence, both included.
    """
    signals = Signal.objects.order_by("-occurred_at", "-id").defer("sealed")
    if account is not None:
        signals = signals.filter(_AnyOf(F("id"), ArraySubquery(_ids_of_account(account))))
    if type is not None:
        signals = signals.filter(type=type)
    if source is not None:
        signals = signals.filter(source=source)
    if since is not None:
        signals = signals.filter(occurred_at__gte=since)
    if until is not None:
        signals = signals.filter(occurred_at__lte=until)
    return signals


def get_signal(*, signal_id: UUID) -> Signal:
    """Return one signal.

    Raises:
        SignalNotFound: there is none.
    """
    signal = list_rows(signal_ids=[signal_id]).first()
    if signal is None:
        raise SignalNotFound(str(signal_id))
    return signal


def list_conflicts(*, signal_id: UUID) -> list[UUID]:
    """Return the other versions that were reported of a signal's event, oldest first."""
    rows = Signal.objects.filter(conflicts_with=signal_id).order_by("received_at", "id")
    return list(rows.values_list("id", flat=True))


def list_open_quarantine() -> QuerySet[QuarantinedPayload]:
    """Return the payloads that wait for somebody to look, newest first."""
    return QuarantinedPayload.objects.filter(state="open").order_by("-received_at", "-id").defer("sealed")


def list_quarantine(
    *, source: str = "", reason: str = "", state: str = "", received_before: datetime | None = None
) -> QuerySet[QuarantinedPayload]:
    """Return quarantined payloads, newest first, without their sealed bodies.

    `is_gone` tells that nothing is left of a body. `state` is `open` or `resolved`.
    """
    rows = QuarantinedPayload.objects.order_by("-received_at", "-id").defer("sealed", "sealed_delivery")
    asked = {"source": source, "reason": reason, "state": state}
    rows = rows.filter(**{name: value for name, value in asked.items() if value})
    if received_before is not None:
        rows = rows.filter(received_at__lt=received_before)
    return rows.annotate(is_gone=Q(sealed__isnull=True))


def count_quarantine() -> list[QuarantineCount]:
    """Return how many payloads wait, by source and reason, the most first; gone bodies are told apart."""
    rows = QuarantinedPayload.objects.filter(state="open").values("source", "reason")
    counted = rows.annotate(
        waiting=Count("id", filter=Q(sealed__isnull=False)),
        gone=Count("id", filter=Q(sealed__isnull=True)),
        oldest_at=Min("received_at"),
    )
    return [QuarantineCount(**row) for row in counted.order_by("-waiting", "source", "reason")]


def get_type(name: str) -> SignalTypeData:
    """Return one entry of the catalogue.

    Raises:
        SignalType.DoesNotExist: the catalogue has no such type.
    """
    return _type_data(SignalType.objects.get(name=name))


def list_types() -> list[SignalTypeData]:
    """Return the catalogue by name."""
    rows = read_once("signal types", lambda: list(SignalType.objects.order_by("name")))
    return [_type_data(row) for row in rows]


def get_catalogue() -> Catalogue:
    """Return what may stay readable in an attribute."""
    codes: dict[str, set[str]] = {}
    for list_name, code in SignalCode.objects.values_list("list_name", "code"):
        codes.setdefault(list_name, set()).add(code)
    schemas = dict(SignalType.objects.values_list("name", "payload_schema"))
    return Catalogue(
        types={name: attribute_kinds(schema) for name, schema in schemas.items()},
        codes={name: frozenset(values) for name, values in codes.items()},
        reference_key=settings.SIGNAL_HASH_KEY,
        schemas=SchemaSet(schemas),
        accepts_unknown=settings.UNKNOWN_SIGNAL_TYPES == "accept",
    )


def list_rows(*, signal_ids: Sequence[UUID]) -> QuerySet[Signal]:
    """Return the rows of these ids, looking only into the partitions that their times allow."""
    if not signal_ids:
        return Signal.objects.none()
    start, end = received_between(list(signal_ids))
    return Signal.objects.filter(id__in=list(signal_ids), received_at__gte=start, received_at__lt=end)


def _ids_of_account(reference: str) -> QuerySet[Signal, UUID]:
    matches = Q()
    for kind in REFERENCE_KINDS:
        matches |= Q(account__contains={kind: reference})
    return Signal.objects.filter(matches).order_by().values_list("id", flat=True)


def _type_data(row: SignalType) -> SignalTypeData:
    return SignalTypeData(
        name=row.name,
        label=row.label,
        description=row.description,
        payload_schema=row.payload_schema,
        claims=tuple(row.claims),
    )
