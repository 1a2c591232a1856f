"""Reads of one account's score: now, at any past time, and over time."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from contexts.bands import PastBand
from contexts.cache import find_copy, store_copy
from contexts.contracts import ActiveConfigs, Contribution, NextCrossing, ScoreExplanation
from contexts.evidence import END_OF_TIME, read_buckets, read_ledger
from contexts.families import find_persons, find_root, list_members
from contexts.firmographics import Told, attributes_at
from contexts.models import AccountContext, EnrichmentRecord
from contexts.scoring import (
    HOT,
    Bucket,
    Part,
    Score,
    from_micros,
    measure_fit,
    score,
)
from contexts.selectors.accounts import find_bands, read_contacts, read_context
from contexts.selectors.configs import get_active
from revctx.reading import read_once

IDS_SHOWN = 20  # signals named per contribution; the count tells of the others

_SIGNALS = """
SELECT l.type, coalesce(r.root, l.subject_id),
       (array_agg(l.signal_id ORDER BY l.occurred_at DESC, l.signal_id))[1:%(shown)s], count(*)
FROM contexts_ledgerentry l
LEFT JOIN unnest(%(persons)s::uuid[], %(roots)s::uuid[]) AS r(person, root) ON r.person = l.subject_id
WHERE l.account_id = ANY(%(accounts)s::uuid[]) AND l.decay_id = %(decay)s
  AND l.occurred_at <= %(as_of)s AND l.recorded_at <= %(known_at)s
  AND NOT EXISTS (
    SELECT FROM contexts_retraction t
    WHERE t.signal_id = l.signal_id AND t.retracted_at <= %(known_at)s)
GROUP BY 1, 2
"""


class _Basis(NamedTuple):
    """What a score rests on: buckets, and per type and person the newest ids and their number."""

    buckets: list[Bucket]
    signals: Mapping[tuple[str, str], tuple[list[UUID], int]]


class Measured(NamedTuple):
    """A score with what it was measured from: the stored row, and the band that hysteresis starts from."""

    context: AccountContext
    configs: ActiveConfigs
    basis: _Basis
    previous: PastBand
    result: Score

    @property
    def band(self) -> str:
        """Return the band at the score's instant."""
        held = self.previous.held_seconds(self.result.at)
        return self.result.choose_band(previous=self.previous.band, held_seconds=held)


def get_score(
    *, account_id: UUID, as_of: datetime, known_at: datetime | None = None, now: datetime | None = None
) -> ScoreExplanation:
    """Return the score at `as_of` as it was known at `known_at` (None: as it is known now).

    An account that is merged has the score of the one it is merged into. Evidence that erased persons left
    is not part of it. `now` is when it is asked, for the answer to tell what was known (None: at `as_of`).
    Raises: AccountNotFound.
    """
    measured = measure(account_id=account_id, as_of=as_of, known_at=known_at)
    attributes = _attributes_known_at(measured.context, known_at)
    return _explain(measured, attributes, known_at=known_at or now or as_of)


def measure(*, account_id: UUID, as_of: datetime, known_at: datetime | None = None) -> Measured:
    """Return the bare score at `as_of` as it was known at `known_at`. Raises: AccountNotFound."""
    name = f"score of {account_id} as of {as_of} as known at {known_at}"
    return read_once(name, lambda: _measure(account_id, as_of, known_at))


def _measure(account_id: UUID, as_of: datetime, known_at: datetime | None) -> Measured:
    root = find_root(account_id, known_at=known_at)
    context = read_context(root)
    configs = get_active(known_at=known_at)
    is_current = known_at is None and (context.evidence_at is None or as_of >= context.evidence_at)
    basis = _current_basis(context, configs) if is_current else _past_basis(root, configs, as_of, known_at)
    previous = _find_previous_band(context, as_of, known_at)
    result = score(basis.buckets, decay=configs.decay, weight=configs.weight, at=as_of)
    return Measured(context, configs, basis, previous, result)


def _find_previous_band(context: AccountContext, as_of: datetime, known_at: datetime | None) -> PastBand:
    """Return the band that hysteresis starts from; the stored one speaks for what came after it only."""
    if known_at is None and as_of >= context.scored_at:
        return PastBand(context.band, context.crossed_at)
    bands = find_bands(account_ids=[context.account_id], at=min(as_of, known_at or END_OF_TIME))
    return bands.get(context.account_id, PastBand())


def _current_basis(context: AccountContext, configs: ActiveConfigs) -> _Basis:
    """Return all evidence, from the hot copy of exactly this version if there is one."""
    version = (configs.activation_id, context.version)
    copy = find_copy(context.account_id, version=version)
    if copy is not None:
        return _Basis(*copy)
    at = context.evidence_at or context.scored_at
    evidence = read_buckets(account_ids=[context.account_id], configs=configs, at=at)
    signals = _list_signals(context.account_id, configs, END_OF_TIME, None)
    basis = _Basis(evidence.get(context.account_id, []), signals)
    store_copy(context.account_id, version=version, evidence=(basis.buckets, basis.signals))
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
    persons = find_persons([row.subject_id for row in read_contacts(accounts)], known_at=known_at)
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


def _explain(measured: Measured, attributes: Mapping[str, Any], *, known_at: datetime) -> ScoreExplanation:
    context, result, band = measured.context, measured.result, measured.band
    fit = measure_fit(attributes, result.weight.icp)
    is_hot = band == HOT
    hot_until = result.stays_hot_until(entered_at=measured.previous.entered_at) if is_hot else None
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
        contributions=tuple(_contribution(part, measured.basis) for part in result.parts),
        next_crossing=_next_crossing(measured, hot_until),
        version=context.version,
        as_of=result.at,
        known_at=known_at,
        decay_version=measured.configs.decay.version,
        weight_version=result.weight.version,
    )


def _next_crossing(measured: Measured, hot_until: datetime | None) -> NextCrossing | None:
    """Return when the account leaves its band without new signals.

    That is downward, for then no score rises; except that one which is high enough and cools down still is
    hot as soon as the cool-down is over.
    """
    result, weight = measured.result, measured.result.weight
    if rising := _rises_at(measured):
        return NextCrossing(at=rising, direction="up", threshold=weight.hot_threshold, band=HOT)
    if hot_until is not None:
        after = "warm" if weight.leave_level() >= weight.warm_threshold * weight.leave_ratio else "cold"
        return NextCrossing(at=hot_until, direction="down", threshold=weight.leave_level(), band=after)
    level = weight.warm_threshold * weight.leave_ratio
    at = result.falls_below(level) if measured.band == "warm" else None
    return NextCrossing(at=at, direction="down", threshold=level, band="cold") if at else None


def _rises_at(measured: Measured) -> datetime | None:
    """Return the end of the cool-down that alone keeps an account from being hot, if it still does then."""
    weight, left_at = measured.result.weight, measured.previous.crossed_at
    if measured.band == HOT or left_at is None:
        return None
    over = left_at + timedelta(seconds=weight.cool_down_seconds)
    stays_until = measured.result.falls_below(weight.hot_threshold)
    return over if stays_until is not None and stays_until >= over else None


def _attributes_known_at(context: AccountContext, known_at: datetime | None) -> Mapping[str, Any]:
    """Return the account's attributes as known then; companies' facts carry no time of their own."""
    account = context.account
    if known_at is None:
        attributes: Mapping[str, Any] = account.attributes
        return attributes
    records = EnrichmentRecord.objects.filter(account=account).order_by("recorded_at", "id")
    return attributes_at(
        attributes=account.attributes,
        sources=account.fact_sources,
        records=[Told(*row) for row in records.values_list("provider", "facts", "recorded_at")],
        at=known_at,
    )


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
