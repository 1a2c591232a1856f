"""Store what a connector made of a webhook, and say what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from integrations.outcomes import Outcome
from integrations.receipts import ConnectorReceipt, QuarantinedItem, StoredItem
from signals.canonical import canonical_json
from signals.normalization import Catalogue, InvalidDraft, normalize
from signals.selectors import get_catalogue
from signals.services.ingest import ingest_signals
from signals.services.quarantine import Unclear, quarantine_many


@dataclass(frozen=True)
class Delivery:
    """The events of one webhook, ready to be stored."""

    source: str
    outcomes: Sequence[Outcome]


def check_outcome(outcome: Outcome, *, catalogue: Catalogue, now: datetime) -> Outcome:
    """Return the outcome, or one with a reason where the store would refuse the draft."""
    if outcome.draft is None:
        return outcome
    try:
        normalize(outcome.draft, now=now, catalogue=catalogue)
    except InvalidDraft as error:
        return replace(outcome, draft=None, reason=error.code)
    return outcome


def deliver(delivery: Delivery, *, now: datetime) -> ConnectorReceipt:
    """Store the drafts in one transaction, then keep the rest in quarantine, in another.

    Signals come first: a sender that has to repeat the webhook then meets duplicates, not second
    payloads in quarantine.
    """
    catalogue = get_catalogue()
    outcomes = [check_outcome(outcome, catalogue=catalogue, now=now) for outcome in delivery.outcomes]
    drafts = [outcome.draft for outcome in outcomes if outcome.draft is not None]
    stored = ingest_signals(drafts=drafts, actor=f"system:{delivery.source}-webhook", now=now)
    waiting = [outcome for outcome in outcomes if outcome.reason]
    return ConnectorReceipt(
        signals=[StoredItem(id=result.signal_id, status=result.status) for result in stored],
        quarantined=_keep(delivery.source, waiting, now),
        noted=len(outcomes) - len(drafts) - len(waiting),
    )


def _keep(source: str, waiting: Sequence[Outcome], now: datetime) -> list[QuarantinedItem]:
    items = [
        Unclear(outcome.reason[:64], canonical_json(outcome.payload), outcome.delivery) for outcome in waiting
    ]
    kept = quarantine_many(source=source, items=items, now=now)
    return [
        QuarantinedItem(id=payload_id, reason=item.reason)
        for payload_id, item in zip(kept, items, strict=True)
    ]
