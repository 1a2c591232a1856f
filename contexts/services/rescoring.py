"""Score locked accounts: band, crossing, rising version, audit and event, a statement a table."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from compliance import audit
from contexts.contracts import ActiveConfigs, ContextUpdated
from contexts.evidence import ask_buckets
from contexts.scoring import HOT, Bucket, Score, Scorer, from_micros, measure_fit
from revctx.arrays import to_array
from revctx.eventbus.envelope import Event
from revctx.eventbus.outbox import enqueue
from revctx.observability.context import get_request_id
from revctx.observability.metrics import INTENT_SCORE_SECONDS
from revctx.statements import ask_prepared, one_trip, run_prepared

PUBLISHED_STEP = 1.0  # points of intent that are worth an event
ACTOR = "system:context-engine"

_LOCK = """
SELECT FROM account_contexts WHERE account_id = ANY(%s::uuid[]) ORDER BY account_id FOR NO KEY UPDATE
"""
_READ = """
SELECT c.account_id, c.band, c.crossed_at, c.version, c.published_intent, c.evidence_at, a.attributes::text
FROM account_contexts c JOIN contexts_account a ON a.id = c.account_id
WHERE c.account_id = ANY(%s::uuid[]) ORDER BY c.account_id
"""
_WRITE = """
UPDATE account_contexts c
SET intent_score = r.intent, fit_score = r.fit, priority = r.intent * r.fit, band = r.band,
    hot_until = r.hot_until, crossed_at = r.crossed_at, version = r.version, published_intent = r.published,
    evidence_at = r.evidence_at, scored_at = %s, activation_id = %s
FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::text[], %s::timestamptz[], %s::bigint[],
            %s::float8[], %s::timestamptz[], %s::timestamptz[])
     AS r(account_id, intent, fit, band, hot_until, version, published, evidence_at, crossed_at)
WHERE c.account_id = r.account_id
"""
_ADD_CROSSINGS = """
INSERT INTO contexts_crossing
    (id, account_id, version, direction, intent, threshold, crossed_at, activation_id)
SELECT r.id, r.account_id, r.version, r.direction, r.intent, r.threshold, %s, %s
FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::float8[], %s::float8[])
     AS r(id, account_id, version, direction, intent, threshold)
"""


class _Row(NamedTuple):
    """What is stored of an account's score, and the account's attributes as JSON."""

    account_id: UUID
    band: str
    crossed_at: datetime | None
    version: int
    published_intent: float
    evidence_at: datetime | None
    attributes: str


class Change(NamedTuple):
    """What an account's stored row said, and what it says from now on."""

    account_id: UUID
    old_band: str
    band: str
    intent: float
    version: int
    direction: str | None
    crossing_id: UUID | None


class _Outcome(NamedTuple):
    """One account's new score beside what it was."""

    change: Change
    score: Score
    fit: float
    published: float
    is_published: bool
    evidence_at: datetime | None
    crossed_at: datetime | None

    @property
    def hot_until(self) -> datetime | None:
        """When the band is left, if it is hot now."""
        if self.change.band != HOT:
            return None
        return self.score.stays_hot_until(entered_at=self.crossed_at)


def make_change(*, account_id: UUID, old_band: str, band: str, intent: float, version: int) -> Change:
    """Return the change of an account, with a new crossing where the hot band is entered or left."""
    is_hot, was_hot = band == HOT, old_band == HOT
    direction = None if is_hot == was_hot else ("up" if is_hot else "down")
    return Change(
        account_id=account_id,
        old_band=old_band,
        band=band,
        intent=intent,
        version=version,
        direction=direction,
        crossing_id=uuid4() if direction else None,
    )


def lock_contexts(account_ids: Collection[UUID]) -> None:
    """Lock score rows in id order until the caller's transaction ends."""
    if account_ids:
        run_prepared(_LOCK, [to_array(account_ids)])


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
    with one_trip():
        lock_contexts(account_ids)
        return score_locked(
            account_ids=account_ids, configs=configs, now=now, changed=changed, causes=causes, memory=memory
        )


def score_locked(
    *,
    account_ids: Collection[UUID],
    configs: ActiveConfigs,
    now: datetime,
    changed: Collection[UUID],
    causes: Mapping[UUID, str] | None = None,
    memory: Mapping[UUID, str] | None = None,
) -> int:
    """Do what `rescore` does for accounts that the caller's transaction has locked."""
    if not account_ids:
        return 0
    started = perf_counter()
    with one_trip():
        rows = ask_prepared(_READ, [to_array(account_ids)], lambda rows: list(map(_Row._make, rows)))
        evidence = ask_buckets(account_ids=account_ids, configs=configs, at=now).get()
        judge = _Judge(configs, now, changed=changed, memory=memory)
        outcomes = [judge.judge(row, evidence.get(row.account_id, [])) for row in rows.get()]
        _write(outcomes, configs, now)
        published = [outcome.change for outcome in outcomes if outcome.is_published]
        announce(changes=published, now=now, causes=causes or {})
    INTENT_SCORE_SECONDS.observe(perf_counter() - started)
    return len(published)


class _Judge:
    """Judges accounts at one instant.

    `changed` are those whose version rises anyway, `memory` the bands that hysteresis starts from.
    """

    def __init__(
        self,
        configs: ActiveConfigs,
        now: datetime,
        *,
        changed: Collection[UUID],
        memory: Mapping[UUID, str] | None,
    ) -> None:
        self._icp, self._now = configs.weight.icp, now
        self._changed, self._memory = changed, memory
        self._scorer = Scorer(decay=configs.decay, weight=configs.weight, at=now)

    def judge(self, row: _Row, buckets: list[Bucket]) -> _Outcome:
        result = self._scorer.score(buckets)
        previous = row.band if self._memory is None else self._memory.get(row.account_id, row.band)
        held = (self._now - row.crossed_at).total_seconds() if row.crossed_at else None
        band = result.choose_band(previous=previous, held_seconds=held)
        moved = self._memory is None and abs(result.intent - row.published_intent) >= PUBLISHED_STEP
        is_published = band != row.band or moved
        change = make_change(
            account_id=row.account_id,
            old_band=row.band,
            band=band,
            intent=result.intent,
            version=row.version + (is_published or row.account_id in self._changed),
        )
        newest = max((bucket.latest for bucket in buckets), default=None)
        return _Outcome(
            score=result,
            fit=measure_fit(json.loads(row.attributes), self._icp).score,
            change=change,
            published=result.intent if is_published else row.published_intent,
            is_published=is_published,
            evidence_at=from_micros(newest) if newest is not None else row.evidence_at,
            crossed_at=self._now if change.direction else row.crossed_at,
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
        [o.crossed_at for o in outcomes],
    ]
    run_prepared(_WRITE, [now, configs.activation_id, *map(to_array, columns)])
    store_crossings(changes=[o.change for o in outcomes], configs=configs, now=now)


def store_crossings(*, changes: Iterable[Change], configs: ActiveConfigs, now: datetime) -> None:
    """Keep which accounts entered or left the hot band."""
    crossed = [change for change in changes if change.direction]
    if not crossed:
        return
    levels = {"up": configs.weight.hot_threshold, "down": configs.weight.leave_level()}
    columns: list[list[Any]] = [
        [c.crossing_id for c in crossed],
        [c.account_id for c in crossed],
        [c.version for c in crossed],
        [c.direction for c in crossed],
        [c.intent for c in crossed],
        [levels[c.direction or ""] for c in crossed],
    ]
    run_prepared(_ADD_CROSSINGS, [now, configs.activation_id, *map(to_array, columns)])


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
