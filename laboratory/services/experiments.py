"""Define experiments and queue their runs. Works in the web process, as the app role."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from compliance import audit
from contexts.scoring import DecayConfigData, WeightConfigData
from contexts.selectors.configs import get_active_configs
from contexts.services.configs import store_configs
from laboratory import selectors
from laboratory.contracts import ChallengerSpec, ExperimentDraft
from laboratory.models import Experiment, Run
from revctx.api.errors import Unprocessable
from signals.selectors import list_types

_DECAY_FIELDS = frozenset({"half_lives", "default_half_life"})
_BY_TYPE = ("half_lives", "weights", "saturations")


def refuse_address(field: str, text: str) -> None:
    """Keep persons out of what is never erased.

    Raises:
        Unprocessable: the text may hold an e-mail address.
    """
    if "@" in text:
        message = "Name no person here: an e-mail address would be kept for good."
        raise Unprocessable("address_refused", message, fields={field: message})


@transaction.atomic
def create_experiment(*, draft: ExperimentDraft, user_id: int, now: datetime) -> Experiment:
    """Freeze the active configuration as champion and store the challenger's as a version of its own.

    Raises:
        Unprocessable: a signal type that the catalogue lacks, a number that can't be scored with, a name
            with an e-mail address, or a window that ends before it starts or after `known_at`.
    """
    refuse_address("name", draft.name)
    known_at = draft.known_at or now
    window_end = draft.window_end or known_at
    _check_window(draft.window_start, window_end, known_at, now)
    champion = get_active_configs()
    challenger = _store_challenger(draft, *champion, now=now)
    experiment = Experiment.objects.create(
        name=draft.name,
        champion=_frozen(*champion),
        challenger=_frozen(*challenger),
        window_start=draft.window_start,
        window_end=window_end,
        known_at=known_at,
        backfill_after_hours=draft.backfill_after_hours,
        review_capacity=draft.review_capacity,
        seed=draft.seed,
        created_by=user_id,
        created_at=now,
    )
    _record("experiment.created", experiment, user_id, _versions(experiment))
    return experiment


@transaction.atomic
def request_run(*, experiment_id: UUID, user_id: int, now: datetime) -> Run:
    """Queue a run for the laboratory's workers; an open run of the experiment is returned as it is.

    Raises:
        NotFound: no such experiment.
    """
    experiment = selectors.get_experiment(experiment_id)
    run, created = Run.objects.get_or_create(
        experiment=experiment,
        state__in=Run.OPEN,
        defaults={"state": Run.State.QUEUED, "requested_by": user_id, "created_at": now},
    )
    if created:
        _record("experiment_run.queued", run, user_id, {"experiment_id": str(experiment.pk)})
    return run


def _check_window(start: datetime | None, end: datetime, known_at: datetime, now: datetime) -> None:
    if known_at > now:
        raise Unprocessable("in_the_future", "Nothing is known of the future; known_at must not lie there.")
    if end > known_at or (start is not None and start >= end):
        raise Unprocessable("invalid_window", "The window must start before it ends, and end by known_at.")


def _store_challenger(
    draft: ExperimentDraft, decay: DecayConfigData, weight: WeightConfigData, *, now: datetime
) -> tuple[DecayConfigData, WeightConfigData]:
    """Return the challenger, stored as new versions where it differs from the champion."""
    _check_types(draft.challenger)
    try:
        new_decay = replace(decay, **_changes(draft.challenger, decay))
        new_weight = replace(weight, **_changes(draft.challenger, weight))
    except ValueError as error:
        raise Unprocessable("invalid_challenger", f"The challenger can't be scored with: {error}.") from error
    decay_version, weight_version = store_configs(
        decay=new_decay if new_decay != decay else None,
        weight=new_weight if new_weight != weight else None,
        note=f"laboratory: {draft.name}",
        now=now,
    )
    return (
        replace(new_decay, version=decay_version or decay.version),
        replace(new_weight, version=weight_version or weight.version),
    )


def _check_types(spec: ChallengerSpec) -> None:
    known = {entry.name for entry in list_types()}
    unknown = {name for field in _BY_TYPE for name in getattr(spec, field) if name not in known}
    if unknown:
        raise Unprocessable(
            "unknown_signal_type", f"The catalogue has no signal type {', '.join(sorted(unknown))}."
        )


def _changes(spec: ChallengerSpec, base: DecayConfigData | WeightConfigData) -> dict[str, Any]:
    """Return the fields of one configuration that the challenger sets; maps are merged by key."""
    changes: dict[str, Any] = {}
    for field in fields(spec):
        given = getattr(spec, field.name)
        if given is None or (field.name in _DECAY_FIELDS) != isinstance(base, DecayConfigData):
            continue
        merges = isinstance(given, Mapping)
        changes[field.name] = {**getattr(base, field.name), **given} if merges else given
    return changes


def _frozen(decay: DecayConfigData, weight: WeightConfigData) -> dict[str, Any]:
    return {"decay": decay.to_dict(), "weight": weight.to_dict()}


def _versions(experiment: Experiment) -> dict[str, audit.PayloadValue]:
    return {
        f"{arm}_{part}_version": getattr(experiment, arm)[part]["version"]
        for arm in ("champion", "challenger")
        for part in ("decay", "weight")
    }


def _record(name: str, row: Experiment | Run, user_id: int, payload: Mapping[str, Any]) -> None:
    entry = audit.AuditEntry(
        name=name,
        actor=f"user:{user_id}",
        target_type=name.split(".", maxsplit=1)[0],
        target_id=str(row.pk),
        at=row.created_at,
        payload=payload,
    )
    audit.record([entry])
