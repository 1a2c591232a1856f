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
from contexts.families import Roots, find_persons, find_root, list_members
from contexts.models import AccountContext, Contact
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
SELECT l.type, coalesce(r.root, l.subject_id),
       (array_agg(l.signal_id ORDER BY l.occurred_at DESC, l.signal_id))[1:%(shown)s], count(*)
FROM contexts_ledgerentry l
LEFT JOIN unnest(%(persons)s::uuid[], %(roots)s::uuid[]) AS r(person, root) ON r.person = l.subject_id
WHERE l.account_id = ANY(%(accounts)s::uuid[]) AND l.decay_id = %(decay)s
  AND l.occurred_at <= %(as_of)s AND l.recorded_at <= %(known_at)s
GROUP BY 1, 2
"""
_HISTORY = """
SELECT subject_id, type, stage, bucket, mass, occurred_at
FROM contexts_ledgerentry
WHERE account_id = ANY(%s::uuid[]) AND decay_id = %s AND occurred_at <= %s
ORDER BY occurred_at
"""


class _Basis(NamedTuple):
    """What a score rests on: buckets, and per type and person the newest ids and their number."""

    buckets: list[Bucket]
    signals: Mapping[tuple[str, str], tuple[list[UUID], int]]


def get_score(*, account_id: UUID, as_of: datetime, known_at: datetime | None = None) -> ScoreExplanation:
    """Return the score at `as_of` as it was known at `known_at` (None: as it is known now).

    An account that is merged has the score of the one it is merged into. Evidence that erased persons left
    is not part of it. Raises: AccountNotFound.
    """
    root = find_root(account_id, known_at=known_at)
    context = AccountContext.objects.select_related("account").filter(account_id=root).first()
    if context is None:
        raise AccountNotFound("no account has this id")
    configs = get_active(known_at=known_at)
    is_current = known_at is None and (context.evidence_at is None or as_of >= context.evidence_at)
    basis = _current_basis(context, configs) if is_current else _past_basis(root, configs, as_of, known_at)
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
        cursor.execute(_HISTORY, [list_members(find_root(account_id)), configs.decay_id, until])
        rows = without_erased(cursor.fetchall(), lambda row: row[0])
    persons = find_persons(row[0] for row in rows)
    step = (until - since) / max(points - 1, 1)
    state, position = ScoreState(), 0
    history = []
    for number in range(points):
        at = since + step * number
        while position < len(rows) and rows[position][5] <= at:
            state.add(_bucket(rows[position], persons))
            position += 1
        result = score(state.buckets(), decay=configs.decay, weight=configs.weight, at=at)
        history.append((at, result.intent))
    return history


def _bucket(row: tuple[UUID | None, str, str, int, int, datetime], persons: Roots) -> Bucket:
    subject_id, kind, stage, n, mass, occurred_at = row
    person = persons.get(subject_id, subject_id) if subject_id else ""
    return Bucket(kind, stage, str(person), n, mass, to_micros(occurred_at))


def _current_basis(context: AccountContext, configs: ActiveConfigs) -> _Basis:
    """Return all evidence, from the hot copy of exactly this version if there is one."""
    key = f"contexts:basis:{context.account_id}:{configs.activation_id}:{context.version}"
    copy = find_copy(key)
    if copy is not None:
        return _Basis(*copy)
    at = context.evidence_at or context.scored_at
    evidence = read_buckets(account_ids=[context.account_id], configs=configs, at=at)
    signals = _list_signals(context.account_id, configs, END_OF_TIME, None)
    basis = _Basis(evidence.get(context.account_id, []), signals)
    store_copy(key, tuple(basis))
    return basis


def _past_basis(
    account_id: UUID, configs: ActiveConfigs, as_of: datetime, known_at: datetime | None
) -> _Basis:
    known = known_at or END_OF_TIME
    evidence = read_ledger(account_ids=[account_id], configs=configs, as_of=as_of, known_at=known)
    return _Basis(evidence.get(account_id, []), _list_signals(account_id, configs, as_of, known_at))


def _list_signals(
    account_id: UUID, configs: ActiveConfigs, as_of: datetime, known_at: datetime | None
) -> dict[tuple[str, str], tuple[list[UUID], int]]:
    accounts = list_members(account_id, known_at=known_at)
    people = Contact.objects.filter(account_id__in=accounts).values_list("subject_id", flat=True)
    persons = find_persons(people, known_at=known_at)
    parameters: dict[str, Any] = {
        "shown": IDS_SHOWN,
        "accounts": accounts,
        "persons": list(persons),
        "roots": list(persons.values()),
        "decay": configs.decay_id,
        "as_of": as_of,
        "known_at": known_at or END_OF_TIME,
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
