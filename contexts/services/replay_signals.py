"""First half of a replay: every signal of the store that has not counted yet does, beside the workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db.models import F

from contexts.contracts import ActiveConfigs
from contexts.evidence import without_erased
from contexts.models import AccountContext, LedgerEntry
from contexts.services.configs import share_active
from contexts.services.work import count_signals, place_signal
from revctx.eventbus import workitems
from revctx.eventbus.envelope import Event
from signals.contracts import ScorableSignal
from signals.normalization import account_reference

GROUP = "context-engine"
TOPIC = "signal.ingested"


@dataclass(frozen=True)
class CountedChunk:
    """What a chunk of signals came to."""

    counted: int
    deviating: int


def count_missing(*, signals: Sequence[ScorableSignal], now: datetime) -> CountedChunk:
    """Let the signals count that the ledger lacks; in the caller's transaction.

    Nothing is scored: half of an account's evidence would move its band. The version of the accounts rises,
    and the second half of the replay scores them. Ledger rows that do not follow from their signals are only
    told, for the ledger is append-only.
    """
    configs = share_active()
    stored = _read_ledger([signal.id for signal in signals], configs)
    missing = [signal for signal in signals if signal.id not in stored]
    kept = without_erased(missing, lambda signal: signal.subject_id)
    added: set[UUID] = set()
    if kept:
        account_of, added = count_signals(signals=kept, configs=configs, now=now)
        touched = {account_of[signal_id] for signal_id in added}
        AccountContext.objects.filter(account_id__in=touched).update(version=F("version") + 1)
    deviating = sum(
        _placed(signal, configs) != stored[signal.id] for signal in signals if signal.id in stored
    )
    return CountedChunk(counted=len(added), deviating=deviating)


def hand_over(*, signals: Sequence[ScorableSignal], run_id: int, now: datetime) -> int:
    """Give the context engine a work item for each signal, once a run; return how many were new."""
    events = [
        Event(
            id=uuid5(NAMESPACE_OID, f"replay:{run_id}:{signal.id}"),
            type=TOPIC,
            key=account_reference(signal.account),
            data={"signal_id": str(signal.id), "source": signal.source, "type": signal.type},
            occurred_at=signal.received_at,
        )
        for signal in signals
    ]
    return workitems.add(group=GROUP, events=events, now=now)


def _read_ledger(
    signal_ids: list[UUID], configs: ActiveConfigs
) -> dict[UUID, tuple[str, str, int, int, float, datetime]]:
    rows = LedgerEntry.every.filter(decay_id=configs.decay_id, signal_id__in=signal_ids)
    columns = ("signal_id", "type", "stage", "bucket", "mass", "strength", "occurred_at")
    return {signal_id: tuple(rest) for signal_id, *rest in rows.values_list(*columns)}


def _placed(signal: ScorableSignal, configs: ActiveConfigs) -> tuple[str, str, int, int, float, datetime]:
    bucket = place_signal(signal, configs)
    occurred_at = min(signal.occurred_at, signal.received_at)
    return bucket.type, bucket.stage, bucket.n, bucket.mass, signal.strength, occurred_at
