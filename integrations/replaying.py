"""What maps quarantined payloads again, source by source, by the code that the webhooks go through."""

from collections.abc import Callable
from functools import partial
from typing import Any

from integrations.generic.mapping import FieldFailed, map_body, map_event
from integrations.hubspot.services import read_events
from integrations.outcomes import Outcome
from integrations.salesforce.replaying import map_quarantined
from integrations.segment.services import read_messages
from integrations.selectors import find_source, mapping_of
from revctx.api.parsing import parse_json
from signals.contracts import SignalDraft
from signals.services.quarantine_mappers import (
    Mapper,
    NotMappable,
    QuarantinedDelivery,
    register_finder,
    register_mapper,
)

Reader = Callable[..., list[Outcome]]
MAX_BYTES = 5 * 1024 * 1024


def register_mappers() -> None:
    """Register the mappers of all sources."""
    register_mapper("salesforce", map_quarantined)
    register_mapper("hubspot", _map_hubspot)
    register_mapper("segment", _map_segment)
    register_finder("mapped sources", find_mapped)


def find_mapped(source: str) -> Mapper | None:
    """Return the mapper of a mapped source; None once it was removed."""
    return partial(_map_generic, source) if find_source(source) else None


def _map_hubspot(delivery: QuarantinedDelivery) -> list[SignalDraft]:
    return _read_one(read_events, delivery)


def _map_segment(delivery: QuarantinedDelivery) -> list[SignalDraft]:
    return _read_one(read_messages, delivery)


def _read_one(read: Reader, delivery: QuarantinedDelivery) -> list[SignalDraft]:
    """Return the draft of the one event of a payload; none when it only told who belongs to whom."""
    [outcome] = read([_document(delivery)], now=delivery.received_at)
    if outcome.reason:
        raise NotMappable(outcome.reason)
    return [outcome.draft] if outcome.draft else []


def _map_generic(slug: str, delivery: QuarantinedDelivery) -> list[SignalDraft]:
    """Return the draft of an event, or those of a whole body that no event was found in before."""
    source = find_source(slug)
    if source is None:
        raise NotMappable("no_mapper")
    document, mapping = _document(delivery), mapping_of(source)
    kind, _, webhook_id = delivery.delivery.partition(":")
    if kind != "body":
        try:
            return [map_event(mapping, document, key=delivery.delivery, now=delivery.received_at)]
        except FieldFailed as failure:
            raise NotMappable(failure.reason) from failure
    drafts = []
    for outcome, problem in map_body(
        mapping, document, webhook_id=webhook_id or None, now=delivery.received_at
    ):
        if problem is not None or outcome.draft is None:
            raise NotMappable(outcome.reason)
        drafts.append(outcome.draft)
    return drafts


def _document(delivery: QuarantinedDelivery) -> Any:
    return parse_json(delivery.payload, max_bytes=MAX_BYTES)
