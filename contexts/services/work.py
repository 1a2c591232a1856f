"""Signals into scores: what the context engine does with a chunk of work items, in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from contexts.contracts import ActiveConfigs
from contexts.evidence import without_erased
from contexts.families import find_roots
from contexts.scoring import Bucket, place
from contexts.services.configs import share_active
from contexts.services.contacts import ensure_contacts
from contexts.services.identity import resolve_accounts
from contexts.services.ledger import LedgerRow, add_to_ledger
from contexts.services.matching import note_vendor_merges
from contexts.services.rescoring import lock_contexts, rescore
from revctx.eventbus.workitems import WorkItemData
from revctx.observability.metrics import SIGNALS_PROCESSED
from signals.contracts import ScorableSignal
from signals.normalization import source_label
from signals.selectors import list_scorable

log = structlog.get_logger(__name__)


def apply_signals(*, items: Sequence[WorkItemData], now: datetime) -> None:
    """Let the signals of work items count, once each, and score their accounts.

    Runs in the transaction that claimed the items. Order of locks, the same for every worker: the
    configuration (shared), new aliases, account rows by id; then ledger and buckets sorted by key.
    Rows are written for the account that the references name; what is scored is the one it is merged into.
    """
    request_ids = {UUID(item.data["signal_id"]): item.request_id for item in items}
    signals = without_erased(list_scorable(signal_ids=list(request_ids)), lambda signal: signal.subject_id)
    configs = share_active()
    scored_as, added = count_signals(signals=signals, configs=configs, now=now)
    touched = {scored_as[signal_id] for signal_id in added}
    causes = _causes(signals, scored_as, added, request_ids)
    rescore(account_ids=touched, configs=configs, now=now, changed=touched, causes=causes)
    transaction.on_commit(lambda: _count(signals, added, len(request_ids)))


def count_signals(
    *, signals: Sequence[ScorableSignal], configs: ActiveConfigs, now: datetime
) -> tuple[dict[UUID, UUID], set[UUID]]:
    """Let signals count, once each, without scoring; in the caller's transaction, which shares `configs`.

    Returns: signal id → the account that it counts for, and the ids that are new to the ledger. The
    accounts stay locked.
    """
    account_of = resolve_accounts(signals=signals, configs=configs, now=now)
    roots = find_roots(set(account_of.values()))
    scored_as = {signal_id: roots.get(account_id, account_id) for signal_id, account_id in account_of.items()}
    lock_contexts(set(scored_as.values()))
    ensure_contacts(signals=signals, account_of=account_of, now=now)
    rows = [
        _ledger_row(signal, account_of[signal.id], configs, now)
        for signal in signals
        if signal.id in account_of
    ]
    added = add_to_ledger(rows=rows, decay_id=configs.decay_id)
    note_vendor_merges(signals=signals, added=added, account_of=account_of, configs=configs, now=now)
    return scored_as, added


def place_signal(signal: ScorableSignal, configs: ActiveConfigs) -> Bucket:
    """Return bucket and mass of a signal under the half-lives in use."""
    return place(
        signal_type=signal.type,
        stage=str(signal.attributes.get("stage", "")),
        person=str(signal.subject_id or ""),
        occurred_at=_counted_from(signal),
        strength=signal.strength,
        decay=configs.decay,
    )


def _counted_from(signal: ScorableSignal) -> datetime:
    return min(signal.occurred_at, signal.received_at)  # a fast clock must not add weight


def _ledger_row(signal: ScorableSignal, account_id: UUID, configs: ActiveConfigs, now: datetime) -> LedgerRow:
    return LedgerRow(
        signal_id=signal.id,
        account_id=account_id,
        subject_id=signal.subject_id,
        occurred_at=_counted_from(signal),
        strength=signal.strength,
        recorded_at=now,
        bucket=place_signal(signal, configs),
    )


def _causes(
    signals: Sequence[ScorableSignal],
    account_of: Mapping[UUID, UUID],
    added: set[UUID],
    request_ids: Mapping[UUID, str],
) -> dict[UUID, str]:
    """Return per account the request id of its newest signal that counted."""
    newest_last = sorted(signals, key=lambda signal: (signal.received_at, signal.id))
    return {account_of[signal.id]: request_ids[signal.id] for signal in newest_last if signal.id in added}


def _count(signals: Sequence[ScorableSignal], added: set[UUID], wanted: int) -> None:
    counts = Counter(
        (signal.source, signal.type, "scored" if signal.id in added else "skipped") for signal in signals
    )
    for (source, signal_type, status), count in counts.items():
        SIGNALS_PROCESSED.labels(source=source_label(source), type=signal_type, status=status).inc(count)
    log.info("signals.scored", wanted=wanted, found=len(signals), scored=len(added))
