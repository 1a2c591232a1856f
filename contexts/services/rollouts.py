"""Bring configurations into use, in chunks beside the running workers, with progress that everybody can see.

Signals are replayed under new half-lives, then every account is scored on trial; only when both are complete
does the pointer move, in one transaction. Until then every read, band and event is of the one in use.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import audit
from contexts.bands import HOT, PastBand
from contexts.config_models import ActiveConfig, DecayConfig, WeightConfig
from contexts.contracts import ActiveConfigs
from contexts.evidence import read_buckets
from contexts.icp import IcpData
from contexts.models import AccountContext, LedgerEntry
from contexts.rollout_models import ConfigRollout
from contexts.scoring import score
from contexts.selectors.configs import decay_data, get_active, get_active_configs, weight_data
from contexts.services.configs import (
    RESCORE_CHUNK,
    UnknownConfig,
    rescore_outdated,
    share_active,
    store_configs,
    swap,
)
from contexts.services.replay import replay_chunk

Phase = ConfigRollout.Phase


def activate_configs(*, decay_version: int, weight_version: int, actor: str, now: datetime) -> int:
    """Put a pair of versions into use and return the activation's id; no change keeps the current one.

    Carries out the whole rollout; if the process dies on the way, the workers go on with it.

    Raises: UnknownConfig; ValueError when it can't be scored with.
    """
    decay, weight = get_active_configs()
    if (decay.version, weight.version) == (decay_version, weight_version):
        _, after = rescore_outdated(now=now, limit=RESCORE_CHUNK)
        while after is not None:
            _, after = rescore_outdated(now=now, limit=RESCORE_CHUNK, after=after)
        return get_active().activation_id
    rollout = open_rollout(decay_version=decay_version, weight_version=weight_version, actor=actor, now=now)
    while rollout.finished_at is None:
        rollout = step(rollout_id=rollout.pk, now=now) or rollout
    return get_active().activation_id


@transaction.atomic
def open_rollout(*, decay_version: int, weight_version: int, actor: str, now: datetime) -> ConfigRollout:
    """Return the unfinished rollout of this pair, else a new one, which supersedes another unfinished one.

    Raises: UnknownConfig; ValueError when it can't be scored with.
    """
    decay = DecayConfig.objects.filter(version=decay_version).first()
    weight = WeightConfig.objects.select_related("icp").filter(version=weight_version).first()
    if decay is None or weight is None:
        raise UnknownConfig(f"decay {decay_version}, weights {weight_version}")
    decay_data(decay), weight_data(weight)
    ActiveConfig.objects.select_for_update().get()  # one at a time
    unfinished = ConfigRollout.objects.select_for_update(of=("self",)).filter(finished_at=None).first()
    if unfinished is not None:
        if (unfinished.decay_id, unfinished.weight_id) == (decay.pk, weight.pk):
            return unfinished
        unfinished.phase, unfinished.finished_at = Phase.SUPERSEDED, now
        unfinished.save()
        _record("config_rollout.superseded", unfinished, now, actor=actor)
    rollout = ConfigRollout(decay=decay, weight=weight, actor=actor, started_at=now)
    active = get_active()
    if active.decay_id != decay.pk:
        rollout.to_replay = LedgerEntry.every.filter(decay_id=active.decay_id).count()
    rollout.accounts = AccountContext.objects.filter(account__merged_into=None).count()
    rollout.save(force_insert=True)
    _record("config_rollout.started", rollout, now)
    return rollout


def change_icp(*, icp: IcpData, actor: str, now: datetime) -> ConfigRollout:
    """Store a profile (numbered here) in weights that are otherwise those in use, and begin its rollout."""
    active = get_active()
    with transaction.atomic():
        weight = replace(active.weight, icp=icp)
        _, version = store_configs(weight=weight, note=f"ideal profile: {icp.name}"[:200], now=now)
        assert version is not None
        return open_rollout(decay_version=active.decay.version, weight_version=version, actor=actor, now=now)


@transaction.atomic
def step(*, rollout_id: int | None = None, now: datetime) -> ConfigRollout | None:
    """Do the next chunk of a rollout and return it as it stands then.

    Without an id the unfinished one is taken, unless there is none or somebody is at it: then None.
    """
    rows = ConfigRollout.objects.select_related("decay", "weight__icp")
    if rollout_id is None:
        rows = rows.select_for_update(of=("self",), skip_locked=True).filter(finished_at=None)
        rollout = rows.first()
    else:
        rollout = rows.select_for_update(of=("self",)).get(pk=rollout_id)
    if rollout is not None and rollout.finished_at is None:
        _STEPS[Phase(rollout.phase)](rollout, now)
        rollout.save()
    return rollout


def _replay(rollout: ConfigRollout, now: datetime) -> None:
    configs = share_active()
    last = None
    if configs.decay_id != rollout.decay_id:
        last, copied = replay_chunk(
            from_decay_id=configs.decay_id, target=rollout.decay, after=rollout.after_entry
        )
        rollout.replayed += copied
    if last is None:
        rollout.phase = Phase.TRIAL
    else:
        rollout.after_entry = last


def _try(rollout: ConfigRollout, now: datetime) -> None:
    """Score the next accounts as they would be and write none of it; after the last, move the pointer."""
    configs = _as_if_active(rollout)
    rows = AccountContext.objects.filter(account__merged_into=None).order_by("account_id")
    if rollout.after_account is not None:
        rows = rows.filter(account_id__gt=rollout.after_account)
    chunk = list(rows.values_list("account_id", "band", "crossed_at")[:RESCORE_CHUNK])
    if not chunk:
        swap(rollout.decay, rollout.weight, actor=rollout.actor, now=now)
        rollout.phase, rollout.activated_at, rollout.after_account = Phase.SCORES, now, None
        return
    _count_changes(rollout, chunk, configs, now)
    rollout.tried += len(chunk)
    rollout.after_account = chunk[-1][0]


def _count_changes(
    rollout: ConfigRollout,
    chunk: Sequence[tuple[UUID, str, datetime | None]],
    configs: ActiveConfigs,
    now: datetime,
) -> None:
    evidence = read_buckets(account_ids=[pk for pk, *_ in chunk], configs=configs, at=now)
    for account_id, band, crossed_at in chunk:
        result = score(evidence.get(account_id, []), decay=configs.decay, weight=configs.weight, at=now)
        held = PastBand(band, crossed_at).held_seconds(now)
        will_be_hot = result.choose_band(previous=band, held_seconds=held) == HOT
        rollout.would_rise += will_be_hot and band != HOT
        rollout.would_fall += band == HOT and not will_be_hot


def _write_scores(rollout: ConfigRollout, now: datetime) -> None:
    """Score the next outdated accounts; after the last, look again from the lowest id for what came late."""
    began_at = rollout.after_account
    scored, rollout.after_account = rescore_outdated(now=now, limit=RESCORE_CHUNK, after=began_at)
    rollout.scored += scored
    if began_at is None and rollout.after_account is None:
        rollout.phase, rollout.finished_at = Phase.DONE, now
        _record("config_rollout.finished", rollout, now)


_STEPS = {Phase.REPLAY: _replay, Phase.TRIAL: _try, Phase.SCORES: _write_scores}


def _as_if_active(rollout: ConfigRollout) -> ActiveConfigs:
    return replace(
        get_active(),
        decay_id=rollout.decay_id,
        decay=decay_data(rollout.decay),
        weight=weight_data(rollout.weight),
    )


def _record(name: str, rollout: ConfigRollout, now: datetime, *, actor: str | None = None) -> None:
    entry = audit.AuditEntry(
        name=name,
        actor=actor or rollout.actor,
        target_type="config_rollout",
        target_id=str(rollout.pk),
        at=now,
        payload={
            "decay_version": rollout.decay.version,
            "weight_version": rollout.weight.version,
            "replayed": rollout.replayed,
            "tried": rollout.tried,
            "would_rise": rollout.would_rise,
            "would_fall": rollout.would_fall,
            "scored": rollout.scored,
        },
    )
    audit.record([entry])
