"""Score locked accounts: band, crossing, rising version, audit and event, a statement a table."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from compliance import audit
from contexts.contracts import ActiveConfigs, ContextUpdated
from contexts.evidence import read_buckets
from contexts.models import AccountContext, Crossing
from contexts.scoring import Bucket, Score, choose_band, from_micros, measure_fit, score
from revctx.eventbus.envelope import Event
from revctx.eventbus.outbox import enqueue
from revctx.observability.context import get_request_id
from revctx.observability.metrics import INTENT_SCORE_SECONDS

PUBLISHED_STEP = 1.0  # points of intent that are worth an event
ACTOR = "system:context-engine"

_WRITE = """
UPDATE account_contexts c
SET intent_score = r.intent, fit_score = r.fit, priority = r.intent * r.fit, band = r.band,
    hot_until = r.hot_until, version = r.version, published_intent = r.published,
    evidence_at = r.evidence_at, scored_at = %s, activation_id = %s
FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::text[], %s::timestamptz[], %s::bigint[],
            %s::float8[], %s::timestamptz[])
     AS r(account_id, intent, fit, band, hot_until, version, published, evidence_at)
WHERE c.account_id = r.account_id
"""


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """One account's new score beside what it was."""

    account_id: UUID
    score: Score
    fit: float
    old_band: str
    band: str
    version: int
    published: float
    is_published: bool
    direction: str | None
    crossing_id: UUID | None
    evidence_at: datetime | None

    @property
    def hot_until(self) -> datetime | None:
        """When the band is left, if it is hot now."""
        return self.score.falls_below(self.score.weight.leave_level()) if self.band == "hot" else None


def lock_contexts(account_ids: Collection[UUID]) -> None:
    """Lock score rows in id order until the caller's transaction ends."""
    rows = AccountContext.objects.select_for_update(of=("self",), no_key=True).order_by("account_id")
    list(rows.filter(account_id__in=account_ids).values_list("account_id"))


def rescore(
    *,
    account_ids: Collection[UUID],
    configs: ActiveConfigs,
    now: datetime,
    changed: Collection[UUID],
    causes: Mapping[UUID, str] | None = None,
) -> int:
    """Score accounts in the caller's transaction and return how many changes were published.

    `changed` are the accounts whose evidence or configuration is new: their version rises even without
    news. `causes` gives per account the request id that the audit row and the event carry.
    """
    if not account_ids:
        return 0
    started = perf_counter()
    lock_contexts(account_ids)
    rows = AccountContext.objects.select_related("account").filter(account_id__in=account_ids)
    evidence = read_buckets(account_ids=account_ids, configs=configs, at=now)
    outcomes = [
        _judge(row, evidence.get(row.account_id, []), configs, now, row.account_id in changed)
        for row in rows.order_by("account_id")
    ]
    _write(outcomes, configs, now)
    published = [outcome for outcome in outcomes if outcome.is_published]
    _announce(published, now, causes or {})
    INTENT_SCORE_SECONDS.observe(perf_counter() - started)
    return len(published)


def _judge(
    row: AccountContext, buckets: list[Bucket], configs: ActiveConfigs, now: datetime, has_changed: bool
) -> _Outcome:
    weight = configs.weight
    result = score(buckets, decay=configs.decay, weight=weight, at=now)
    band = choose_band(previous=row.band, exact=result.exact, weight=weight)
    is_hot, was_hot = band == "hot", row.band == "hot"
    direction = None if is_hot == was_hot else ("up" if is_hot else "down")
    moved = abs(result.intent - row.published_intent) >= PUBLISHED_STEP
    is_published = band != row.band or moved
    newest = max((bucket.latest for bucket in buckets), default=None)
    return _Outcome(
        account_id=row.account_id,
        score=result,
        fit=measure_fit(row.account.attributes, weight.icp).score,
        old_band=row.band,
        band=band,
        version=row.version + (1 if has_changed or is_published else 0),
        published=result.intent if is_published else row.published_intent,
        is_published=is_published,
        direction=direction,
        crossing_id=uuid4() if direction else None,
        evidence_at=from_micros(newest) if newest is not None else row.evidence_at,
    )


def _write(outcomes: list[_Outcome], configs: ActiveConfigs, now: datetime) -> None:
    columns: list[list[Any]] = [
        [o.account_id for o in outcomes],
        [o.score.intent for o in outcomes],
        [o.fit for o in outcomes],
        [o.band for o in outcomes],
        [o.hot_until for o in outcomes],
        [o.version for o in outcomes],
        [o.published for o in outcomes],
        [o.evidence_at for o in outcomes],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [now, configs.activation_id, *columns])
    Crossing.objects.bulk_create(
        Crossing(
            id=o.crossing_id,
            account_id=o.account_id,
            version=o.version,
            direction=o.direction,
            intent=o.score.intent,
            threshold=configs.weight.hot_threshold if o.direction == "up" else configs.weight.leave_level(),
            crossed_at=now,
            activation_id=configs.activation_id,
        )
        for o in outcomes
        if o.direction
    )


def _announce(outcomes: list[_Outcome], now: datetime, causes: Mapping[UUID, str]) -> None:
    audit.record([_audit_entry(o, now, causes.get(o.account_id) or get_request_id()) for o in outcomes])
    enqueue(
        Event(
            type="context.updated",
            key=str(o.account_id),
            data=ContextUpdated(
                account_id=o.account_id,
                version=o.version,
                old_band=o.old_band,
                new_band=o.band,
                intent=o.score.intent,
                crossing_id=o.crossing_id,
                direction=o.direction,
            ).to_dict(),
            occurred_at=now,
            request_id=causes.get(o.account_id) or get_request_id(),
        )
        for o in outcomes
    )


def _audit_entry(outcome: _Outcome, now: datetime, request_id: str) -> audit.AuditEntry:
    return audit.AuditEntry(
        name="context.updated",
        actor=ACTOR,
        target_type="account_context",
        target_id=str(outcome.account_id),
        account_id=outcome.account_id,
        at=now,
        request_id=request_id,
        payload={
            "version": outcome.version,
            "old_band": outcome.old_band,
            "new_band": outcome.band,
            "intent": outcome.score.intent,
            "direction": outcome.direction,
            "crossing_id": str(outcome.crossing_id) if outcome.crossing_id else None,
        },
    )
