"""Score locked accounts: band, crossing, rising version, audit and event, a statement a table."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import connection

from compliance import audit
from contexts.contracts import ActiveConfigs, ContextUpdated
from contexts.evidence import read_buckets
from contexts.models import AccountContext, Crossing
from contexts.scoring import Bucket, Score, choose_band, from_micros, measure_fit, score
from revctx.arrays import to_array
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


class _Rules(NamedTuple):
    """Whose version rises anyway, and the bands that hysteresis starts from."""

    changed: Collection[UUID]
    memory: Mapping[UUID, str] | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an account's stored row said, and what it says from now on."""

    account_id: UUID
    old_band: str
    band: str
    intent: float
    version: int
    direction: str | None
    crossing_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """One account's new score beside what it was."""

    change: Change
    score: Score
    fit: float
    published: float
    is_published: bool
    evidence_at: datetime | None

    @property
    def hot_until(self) -> datetime | None:
        """When the band is left, if it is hot now."""
        is_hot = self.change.band == "hot"
        return self.score.falls_below(self.score.weight.leave_level()) if is_hot else None


def make_change(row: AccountContext, *, band: str, intent: float, version: int) -> Change:
    """Return the change from a stored row, with a new crossing where the hot band is entered or left."""
    is_hot, was_hot = band == "hot", row.band == "hot"
    direction = None if is_hot == was_hot else ("up" if is_hot else "down")
    return Change(
        account_id=row.account_id,
        old_band=row.band,
        band=band,
        intent=intent,
        version=version,
        direction=direction,
        crossing_id=uuid4() if direction else None,
    )


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
    memory: Mapping[UUID, str] | None = None,
) -> int:
    """Score accounts in the caller's transaction and return how many changes were published.

    `changed` are the accounts whose evidence or configuration is new: their version rises even without
    news. `causes` gives per account the request id that the audit row and the event carry. `memory` is for
    changes of identity: the band that hysteresis starts from instead of the stored one; given, only a
    change of band is published.
    """
    if not account_ids:
        return 0
    started = perf_counter()
    lock_contexts(account_ids)
    rows = AccountContext.objects.select_related("account").filter(account_id__in=account_ids)
    evidence = read_buckets(account_ids=account_ids, configs=configs, at=now)
    outcomes = [
        _judge(row, evidence.get(row.account_id, []), configs, now, _Rules(changed, memory))
        for row in rows.order_by("account_id")
    ]
    _write(outcomes, configs, now)
    published = [outcome.change for outcome in outcomes if outcome.is_published]
    announce(changes=published, now=now, causes=causes or {})
    INTENT_SCORE_SECONDS.observe(perf_counter() - started)
    return len(published)


def _judge(
    row: AccountContext, buckets: list[Bucket], configs: ActiveConfigs, now: datetime, rules: _Rules
) -> _Outcome:
    weight = configs.weight
    result = score(buckets, decay=configs.decay, weight=weight, at=now)
    previous = (rules.memory or {}).get(row.account_id, row.band)
    band = choose_band(previous=previous, exact=result.exact, weight=weight)
    moved = rules.memory is None and abs(result.intent - row.published_intent) >= PUBLISHED_STEP
    is_published = band != row.band or moved
    newest = max((bucket.latest for bucket in buckets), default=None)
    raises = row.account_id in rules.changed or is_published
    return _Outcome(
        score=result,
        fit=measure_fit(row.account.attributes, weight.icp).score,
        change=make_change(row, band=band, intent=result.intent, version=row.version + (1 if raises else 0)),
        published=result.intent if is_published else row.published_intent,
        is_published=is_published,
        evidence_at=from_micros(newest) if newest is not None else row.evidence_at,
    )


def _write(outcomes: list[_Outcome], configs: ActiveConfigs, now: datetime) -> None:
    columns: list[list[Any]] = [
        [o.change.account_id for o in outcomes],
        [o.score.intent for o in outcomes],
        [o.fit for o in outcomes],
        [o.change.band for o in outcomes],
        [o.hot_until for o in outcomes],
        [o.change.version for o in outcomes],
        [o.published for o in outcomes],
        [o.evidence_at for o in outcomes],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [now, configs.activation_id, *map(to_array, columns)])
    store_crossings(changes=[o.change for o in outcomes], configs=configs, now=now)


def store_crossings(*, changes: Iterable[Change], configs: ActiveConfigs, now: datetime) -> None:
    """Keep which accounts entered or left the hot band."""
    Crossing.objects.bulk_create(
        Crossing(
            id=change.crossing_id,
            account_id=change.account_id,
            version=change.version,
            direction=change.direction,
            intent=change.intent,
            threshold=configs.weight.hot_threshold
            if change.direction == "up"
            else configs.weight.leave_level(),
            crossed_at=now,
            activation_id=configs.activation_id,
        )
        for change in changes
        if change.direction
    )


def announce(*, changes: Sequence[Change], now: datetime, causes: Mapping[UUID, str]) -> None:
    """Audit changes and tell the consumers of contexts; `causes` as in `rescore`."""
    audit.record([_audit_entry(c, now, causes.get(c.account_id) or get_request_id()) for c in changes])
    enqueue(
        Event(
            type="context.updated",
            key=str(c.account_id),
            data=ContextUpdated(
                account_id=c.account_id,
                version=c.version,
                old_band=c.old_band,
                new_band=c.band,
                intent=c.intent,
                crossing_id=c.crossing_id,
                direction=c.direction,
            ).to_dict(),
            occurred_at=now,
            request_id=causes.get(c.account_id) or get_request_id(),
        )
        for c in changes
    )


def _audit_entry(change: Change, now: datetime, request_id: str) -> audit.AuditEntry:
    return audit.AuditEntry(
        name="context.updated",
        actor=ACTOR,
        target_type="account_context",
        target_id=str(change.account_id),
        account_id=change.account_id,
        at=now,
        request_id=request_id,
        payload={
            "version": change.version,
            "old_band": change.old_band,
            "new_band": change.band,
            "intent": change.intent,
            "direction": change.direction,
            "crossing_id": str(change.crossing_id) if change.crossing_id else None,
        },
    )
