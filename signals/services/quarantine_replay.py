"""Make signals of quarantined payloads by the mappers that webhooks go through today, each once."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q

from compliance import audit, subjects
from signals.contracts import IngestResult, SignalDraft
from signals.models import QuarantinedPayload
from signals.normalization import InvalidDraft, clamp_occurred_at
from signals.services.ingest import ingest_signals
from signals.services.quarantine import PayloadNotFound
from signals.services.quarantine_mappers import NotMappable, QuarantinedDelivery, find_mapper
from signals.services.quarantine_opening import open_delivery

MAX_AT_ONCE = 200

ReplayStatus = Literal[
    "accepted", "duplicate", "conflict", "noted", "quarantined", "gone", "dismissed", "expired", "failed"
]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Replayed:
    """What became of a payload: how it ended, or why it still waits."""

    payload_id: UUID
    status: ReplayStatus
    reason: str = ""
    signal_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class BulkReplay:
    """What became of many payloads; `remaining` were not tried since `started_at`."""

    statuses: dict[str, int]
    still_waiting: dict[str, int]
    remaining: int
    started_at: datetime


@transaction.atomic
def replay_payload(*, payload_id: UUID, actor: str, now: datetime) -> Replayed:
    """Map a waiting payload again and store what comes of it; one that ended is left as it is.

    A time that the payload does not give, and the check of a clock that runs ahead, are those of its
    receipt; the signals are received now, for only now they are known.

    Raises:
        PayloadNotFound: no payload has this id.
    """
    row = _lock(payload_id)
    if row.state == QuarantinedPayload.State.RESOLVED:
        return _ended(row)
    delivery = open_delivery(row, actor=actor, purpose="quarantine_replay", now=now)
    row.replays, row.replayed_at = row.replays + 1, now
    if delivery is None:
        result = Replayed(row.id, "gone", row.reason)
    else:
        try:
            stored = _store(delivery, actor=actor, now=now)
        except (NotMappable, InvalidDraft) as error:
            row.reason = (error.reason if isinstance(error, NotMappable) else error.code)[:64]
            result = Replayed(row.id, "quarantined", row.reason)
        else:
            result = _resolve(row, stored, now)
    row.save(
        update_fields=[
            *("reason", "state", "outcome", "signal_ids", "replays", "replayed_at", "resolved_at"),
        ]
    )
    _record(row, result, actor=actor, now=now)
    return result


def replay_waiting(
    *,
    source: str | None = None,
    reason: str | None = None,
    untried_since: datetime | None = None,
    actor: str,
    now: datetime,
    limit: int = MAX_AT_ONCE,
) -> BulkReplay:
    """Replay up to `limit` waiting payloads of a source and reason, each in its own transaction.

    Those never tried come first, then those tried longest ago. `untried_since`, default now, leaves out
    what was tried from then on, so that a caller who goes on with the answer's `started_at` comes to an end.
    """
    since = untried_since or now
    waiting = QuarantinedPayload.objects.filter(
        Q(replayed_at=None) | Q(replayed_at__lt=since),
        state=QuarantinedPayload.State.OPEN,
        sealed__isnull=False,
    )
    waiting = waiting.filter(source=source) if source else waiting
    waiting = waiting.filter(reason=reason) if reason else waiting
    order = F("replayed_at").asc(nulls_first=True)
    payload_ids = list(waiting.order_by(order, "received_at", "id").values_list("id", flat=True)[:limit])
    results = [_replay_alone(payload_id, actor=actor, now=now) for payload_id in payload_ids]
    return BulkReplay(
        statuses=dict(Counter(result.status for result in results)),
        still_waiting=dict(Counter(result.reason for result in results if result.status == "quarantined")),
        remaining=waiting.count(),
        started_at=since,
    )


def _replay_alone(payload_id: UUID, *, actor: str, now: datetime) -> Replayed:
    """Replay a payload; a mapper that breaks on it must not hold up the others."""
    try:
        return replay_payload(payload_id=payload_id, actor=actor, now=now)
    except Exception as error:
        # The text of the error may quote the payload, so only its kind is kept.
        log.error("quarantine.replay_failed", payload_id=str(payload_id), error=type(error).__name__)
        QuarantinedPayload.objects.filter(id=payload_id).update(replayed_at=now, replays=F("replays") + 1)
        return Replayed(payload_id, "failed", type(error).__name__)


def _lock(payload_id: UUID) -> QuarantinedPayload:
    """Lock a payload and, before it, its persons: the order in which an erasure takes them."""
    named = QuarantinedPayload.objects.filter(id=payload_id).values_list("subject_ids", flat=True).first()
    if named is None:
        raise PayloadNotFound(str(payload_id))
    for subject_id in sorted(named):
        subjects.lock_subject(subject_id)
    return QuarantinedPayload.objects.select_for_update().get(id=payload_id)


def _store(delivery: QuarantinedDelivery, *, actor: str, now: datetime) -> list[IngestResult]:
    mapper = find_mapper(delivery.source)
    if mapper is None:
        raise NotMappable("no_mapper")
    drafts = [_clamped(draft, delivery.received_at) for draft in mapper(delivery)]
    return ingest_signals(drafts=drafts, actor=actor, now=now)


def _clamped(draft: SignalDraft, received_at: datetime) -> SignalDraft:
    return replace(draft, occurred_at=clamp_occurred_at(draft.occurred_at, now=received_at))


def _resolve(row: QuarantinedPayload, stored: list[IngestResult], now: datetime) -> Replayed:
    statuses = {result.status for result in stored}
    telling = [status for status in ("conflict", "accepted", "duplicate") if status in statuses]
    row.outcome = telling[0] if telling else QuarantinedPayload.Outcome.NOTED
    row.state, row.resolved_at = QuarantinedPayload.State.RESOLVED, now
    row.signal_ids = [result.signal_id for result in stored]
    return _ended(row)


def _ended(row: QuarantinedPayload) -> Replayed:
    status: ReplayStatus = row.outcome or "dismissed"  # type: ignore[assignment]
    return Replayed(row.id, status, row.reason, tuple(row.signal_ids))


def _record(row: QuarantinedPayload, result: Replayed, *, actor: str, now: datetime) -> None:
    entry = audit.AuditEntry(
        name="quarantine.replayed",
        actor=actor,
        target_type="quarantine",
        target_id=str(row.id),
        at=now,
        payload={
            "source": row.source,
            "reason": row.reason,
            "status": result.status,
            "signals": len(result.signal_ids),
        },
    )
    audit.record([entry])
