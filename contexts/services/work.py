"""Signals into scores: what the context engine does with a chunk of work items, in one transaction."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from compliance.privacy.restrictions import ask_standing
from contexts.contracts import ActiveConfigs
from contexts.scoring import Bucket, place
from contexts.services.configs import ask_shared
from contexts.services.contacts import add_contacts, list_newcomers
from contexts.services.directory import Directory
from contexts.services.identity import ask_names, resolve_accounts
from contexts.services.ledger import LedgerRow, add_to_ledger
from contexts.services.matching import note_vendor_merges
from contexts.services.rescoring import lock_contexts, score_locked
from revctx.eventbus.workitems import WorkItemData
from revctx.observability.metrics import SIGNALS_PROCESSED
from revctx.statements import one_trip
from signals.contracts import ScorableSignal
from signals.normalization import source_label
from signals.selectors import list_scorable

log = structlog.get_logger(__name__)

# Called with signal id → account that it counts for, and the ids that are new.
Then = Callable[[Mapping[UUID, UUID], set[UUID]], None]


def apply_signals(*, items: Sequence[WorkItemData], now: datetime) -> None:
    """Let the signals of work items count, once each, and score their accounts.

    Runs in the transaction that claimed the items. Order of locks, the same for every worker: the
    configuration (shared), new aliases, account rows by id; then ledger and buckets sorted by key.
    Rows are written for the account that the references name; what is scored is the one it is merged into.
    """
    request_ids = {UUID(item.data["signal_id"]): item.request_id for item in items}
    stored = list_scorable(signal_ids=list(request_ids))
    if not stored:
        _count([], set(), len(request_ids))
        return
    with one_trip():
        standing = ask_standing({signal.subject_id for signal in stored if signal.subject_id})
        shared = ask_shared()
        names = ask_names(stored)
    hidden, configs = standing.get().hidden, shared.get()
    signals = [signal for signal in stored if signal.subject_id not in hidden]

    def score(scored_as: Mapping[UUID, UUID], added: set[UUID]) -> None:
        causes = _causes(signals, scored_as, added, request_ids)
        touched = causes.keys()
        score_locked(account_ids=touched, configs=configs, now=now, changed=touched, causes=causes)

    _, added = count_signals(signals=signals, configs=configs, now=now, directory=names.get(), then=score)
    transaction.on_commit(lambda: _count(signals, added, len(request_ids)))


def count_signals(
    *,
    signals: Sequence[ScorableSignal],
    configs: ActiveConfigs,
    now: datetime,
    directory: Directory | None = None,
    then: Then | None = None,
) -> tuple[dict[UUID, UUID], set[UUID]]:
    """Let signals count, once each, without scoring; in the caller's transaction, which shares `configs`.

    `directory` is what the references of the signals lead to, if it has been asked for. `then` is called
    with the result, in the trip of the ledger's statements, so it runs prepared ones only.

    Returns: signal id → the account that it counts for, and the ids that are new to the ledger. The
    accounts stay locked.
    """
    account_of, roots = resolve_accounts(signals=signals, configs=configs, now=now, directory=directory)
    scored_as = {pk: roots.get(owner, owner) for pk, owner in account_of.items()} if roots else account_of
    rows = [
        _ledger_row(signal, account_of[signal.id], configs, now)
        for signal in signals
        if signal.id in account_of
    ]

    def count() -> set[UUID]:
        added = add_to_ledger(rows=rows, decay_id=configs.decay_id)
        if then is not None:
            then(scored_as, added)
        return added

    with one_trip():
        lock_contexts(set(scored_as.values()))
        newcomers = list_newcomers(signals=signals, account_of=account_of)
        added = count() if not newcomers else set()
    if newcomers:
        add_contacts(newcomers=newcomers, now=now)
        with one_trip():
            added = count()
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
    """Return per account the request id of its newest signal that counted, which comes last."""
    return {account_of[signal.id]: request_ids[signal.id] for signal in signals if signal.id in added}


def _count(signals: Sequence[ScorableSignal], added: set[UUID], wanted: int) -> None:
    counts = Counter(
        (signal.source, signal.type, "scored" if signal.id in added else "skipped") for signal in signals
    )
    for (source, signal_type, status), count in counts.items():
        SIGNALS_PROCESSED.labels(source=source_label(source), type=signal_type, status=status).inc(count)
    log.info("signals.scored", wanted=wanted, found=len(signals), scored=len(added))
