"""Reads of one account's score: now, at any past time, and over time."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from contexts.cache import find_copy, store_copy
from contexts.contracts import AccountNotFound, ActiveConfigs, Contribution, NextCrossing, ScoreExplanation
from contexts.evidence import END_OF_TIME, read_buckets, read_ledger, without_erased
from contexts.models import AccountContext
from contexts.scoring import (
    Bucket,
    Part,
    Score,
    ScoreState,
    choose_band,
    from_micros,
    measure_fit,
    score,
    to_micros,
)
from contexts.selectors.accounts import find_bands
from contexts.selectors.configs import get_active

IDS_SHOWN = 20  # signals named per contribution; the count tells of the others

_SIGNALS = """
SELECT type, subject_id, (array_agg(signal_id ORDER BY occurred_at DESC, signal_id))[1:%(shown)s], count(*)
FROM contexts_ledgerentry
WHERE account_id = %(account)s AND decay_id = %(decay)s
  AND occurred_at <= %(as_of)s AND recorded_at <= %(known_at)s
GROUP BY 1, 2
"""
_HISTORY = """
SELECT subject_id, type, stage, bucket, mass, occurred_at
FROM contexts_ledgerentry
WHERE account_id = %s AND decay_id = %s AND occurred_at <= %s
ORDER BY occurred_at
"""


class _Basis(NamedTuple):
    """What a score rests on: buckets, and per type and person the newest ids and their number."""

    buckets: list[Bucket]
    signals: Mapping[tuple[str, str], tuple[list[UUID], int]]


def get_score(*, account_id: UUID, as_of: datetime, known_at: datetime | None = None) -> ScoreExplanation:
    """Return the score at `as_of` as it was known at `known_at` (None: as it is known now).

    Evidence that erased persons left is not part of it. Raises: AccountNotFound.
    """
    context = AccountContext.objects.select_related("account").filter(account_id=account_id).first()
    if context is None:
        raise AccountNotFound("no account has this id")
    configs = get_active(known_at=known_at)
    is_current = known_at is None and (context.evidence_at is None or as_of >= context.evidence_at)
    if is_current:
        basis = _current_basis(context, configs)
    else:
        basis = _past_basis(account_id, configs, as_of, known_at or END_OF_TIME)
    previous = _find_previous_band(context, as_of, known_at)
    result = score(basis.buckets, decay=configs.decay, weight=configs.weight, at=as_of)
    return _explain(context, result, basis, configs, previous=previous, known_at=known_at or as_of)


def _find_previous_band(context: AccountContext, as_of: datetime, known_at: datetime | None) -> str:
    """Return the band that hysteresis starts from; the stored one speaks for what came after it only."""
    if known_at is None and as_of >= context.scored_at:
        return context.band
    bands = find_bands(account_ids=[context.account_id], at=min(as_of, known_at or END_OF_TIME))
    return bands.get(context.account_id, "cold")


def get_history(
    *, account_id: UUID, since: datetime, until: datetime, points: int = 60
) -> list[tuple[datetime, float]]:
    """Return the intent at evenly spaced instants, by the evidence that had occurred by each."""
    configs = get_active()
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, [account_id, configs.decay_id, until])
        rows = without_erased(cursor.fetchall(), lambda row: row[0])
    step = (until - since) / max(points - 1, 1)
    state, position = ScoreState(), 0
    history = []
    for number in range(points):
        at = since + step * number
        while position < len(rows) and rows[position][5] <= at:
            state.add(_bucket(rows[position]))
            position += 1
        result = score(state.buckets(), decay=configs.decay, weight=configs.weight, at=at)
        history.append((at, result.intent))
    return history


def _bucket(row: tuple[UUID | None, str, str, int, int, datetime]) -> Bucket:
    subject_id, kind, stage, n, mass, occurred_at = row
    return Bucket(kind, stage, str(subject_id or ""), n, mass, to_micros(occurred_at))


def _current_basis(context: AccountContext, configs: ActiveConfigs) -> _Basis:
    """Return all evidence, from the hot copy of exactly this version if there is one."""
    key = f"contexts:basis:{context.account_id}:{configs.activation_id}:{context.version}"
    copy = find_copy(key)
    if copy is not None:
        return _Basis(*copy)
    at = context.evidence_at or context.scored_at
    evidence = read_buckets(account_ids=[context.account_id], configs=configs, at=at)
    signals = _list_signals(context.account_id, configs, END_OF_TIME, END_OF_TIME)
    basis = _Basis(evidence.get(context.account_id, []), signals)
    store_copy(key, tuple(basis))
    return basis


def _past_basis(account_id: UUID, configs: ActiveConfigs, as_of: datetime, known_at: datetime) -> _Basis:
    evidence = read_ledger(account_ids=[account_id], configs=configs, as_of=as_of, known_at=known_at)
    return _Basis(evidence.get(account_id, []), _list_signals(account_id, configs, as_of, known_at))


def _list_signals(
    account_id: UUID, configs: ActiveConfigs, as_of: datetime, known_at: datetime
) -> dict[tuple[str, str], tuple[list[UUID], int]]:
    parameters: dict[str, Any] = {
        "shown": IDS_SHOWN,
        "account": account_id,
        "decay": configs.decay_id,
        "as_of": as_of,
        "known_at": known_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SIGNALS, parameters)
        return {(kind, str(person or "")): (ids, count) for kind, person, ids, count in cursor.fetchall()}


def _explain(
    context: AccountContext,
    result: Score,
    basis: _Basis,
    configs: ActiveConfigs,
    *,
    previous: str,
    known_at: datetime,
) -> ScoreExplanation:
    weight = configs.weight
    fit = measure_fit(context.account.attributes, weight.icp)
    band = choose_band(previous=previous, exact=result.exact, weight=weight)
    hot_until = result.falls_below(weight.leave_level()) if band == "hot" else None
    return ScoreExplanation(
        account_id=context.account_id,
        intent=result.intent,
        fit=fit.score,
        fit_reasons=tuple(asdict(reason) for reason in fit.reasons),
        priority=result.intent * fit.score,
        band=band,
        damping=result.damping,
        damped_by=result.damped_by,
        hot_until=hot_until,
        contributions=tuple(_contribution(part, basis) for part in result.parts),
        next_crossing=_next_crossing(hot_until, weight.leave_level()),
        version=context.version,
        as_of=result.at,
        known_at=known_at,
        decay_version=configs.decay.version,
        weight_version=weight.version,
    )


def _next_crossing(hot_until: datetime | None, threshold: float) -> NextCrossing | None:
    return NextCrossing(at=hot_until, direction="down", threshold=threshold) if hot_until else None


def _contribution(part: Part, basis: _Basis) -> Contribution:
    signal_ids, count = basis.signals.get((part.type, part.person), ([], 0))
    return Contribution(
        type=part.type,
        subject_id=UUID(part.person) if part.person else None,
        signal_ids=tuple(signal_ids),
        signal_count=count,
        points=part.points,
        latest_at=from_micros(part.latest),
    )
