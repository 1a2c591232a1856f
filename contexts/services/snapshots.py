"""Stored score rows as they were, so that what replaced them can be undone to the byte."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from contexts.contracts import ActiveConfigs
from contexts.models import AccountContext
from contexts.services.rescoring import announce, make_change, store_crossings

Snapshot = dict[str, dict[str, Any]]

_NUMBERS = ("intent_score", "fit_score", "priority", "published_intent")
_TIMES = ("hot_until", "evidence_at", "crossed_at", "scored_at")
_FIELDS = (*_NUMBERS, *_TIMES, "band", "activation_id")
_COLUMNS = tuple(name.removesuffix("_id") for name in _FIELDS)


def take(account_ids: Collection[UUID]) -> Snapshot:
    """Return the score rows of accounts as JSON; every number and microsecond survives."""
    rows = AccountContext.objects.filter(account_id__in=account_ids).order_by("account_id")
    return {str(row.account_id): _print(row) for row in rows}


def read_versions(account_ids: Collection[UUID]) -> dict[str, int]:
    """Return the versions of score rows, by account."""
    rows = AccountContext.objects.filter(account_id__in=account_ids)
    return {str(pk): version for pk, version in rows.values_list("account_id", "version")}


def put_back(*, snapshot: Snapshot, configs: ActiveConfigs, now: datetime) -> None:
    """Write locked rows as they were; only `version` goes on rising, for consumers ignore lower ones."""
    rows = AccountContext.objects.filter(account_id__in=list(snapshot)).order_by("account_id")
    _replace({row: _parse(snapshot[str(row.account_id)]) for row in rows}, configs, now)


def retire(*, account_id: UUID, configs: ActiveConfigs, now: datetime) -> None:
    """Empty the locked row of an account that is merged: it ranks, sweeps and counts nowhere by itself."""
    row = AccountContext.objects.get(account_id=account_id)
    empty = dict.fromkeys(("intent_score", "priority", "published_intent"), 0.0)
    crossed_at = now if row.band == "hot" else row.crossed_at
    times = {"hot_until": None, "crossed_at": crossed_at, "scored_at": now}
    _replace({row: empty | times | {"band": "cold"}}, configs, now)


def _replace(rows: Mapping[AccountContext, Mapping[str, Any]], configs: ActiveConfigs, now: datetime) -> None:
    changes = []
    for row, values in rows.items():
        intent, version = values["intent_score"], row.version + 1
        change = make_change(
            account_id=row.account_id,
            old_band=row.band,
            band=values["band"],
            intent=intent,
            version=version,
        )
        changes.append(change)
        for name, value in {**values, "version": version}.items():
            setattr(row, name, value)
    AccountContext.objects.bulk_update(list(rows), [*_COLUMNS, "version"])
    store_crossings(changes=changes, configs=configs, now=now)
    announce(changes=[c for c in changes if c.band != c.old_band], now=now, causes={})


def _print(row: AccountContext) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in (*_FIELDS, "version")}
    return values | {name: values[name].isoformat() if values[name] else None for name in _TIMES}


def _parse(values: Mapping[str, Any]) -> dict[str, Any]:
    # A merge that was done before the times of crossings were kept has none.
    given = {name: values.get(name) for name in _TIMES}
    times = {name: datetime.fromisoformat(text) if text else None for name, text in given.items()}
    numbers = {name: float(values[name]) for name in _NUMBERS}
    return {name: values.get(name) for name in _FIELDS} | times | numbers
