"""The configuration in use: shared by scoring, swapped by one activation at a time."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from compliance import audit
from contexts.contracts import ActiveConfigs
from contexts.models import (
    AccountContext,
    ActiveConfig,
    ConfigActivation,
    DecayConfig,
    IcpDefinition,
    WeightConfig,
)
from contexts.scoring import DecayConfigData, WeightConfigData
from contexts.selectors.configs import active_data, ask_active, get_active
from contexts.services.replay import replay_chunk
from contexts.services.rescoring import rescore
from revctx.statements import Answer, one_trip, run_prepared

# Advisory locks queue fairly and write no row: workers share it, an activation takes it alone.
POINTER_LOCK = 7_265_001
_SHARE = "SELECT pg_advisory_xact_lock_shared(%s::bigint)"
RESCORE_CHUNK = 500
STORE_LOCK = 7_265_002


class UnknownConfig(Exception):
    """No configuration has this version."""


def share_active() -> ActiveConfigs:
    """Return the configuration in use and keep it in use until the caller's transaction ends."""
    with one_trip():
        configs = ask_shared()
    return configs.get()


def ask_shared() -> Answer[ActiveConfigs]:
    """Ask for what `share_active` returns."""
    run_prepared(_SHARE, [POINTER_LOCK])
    return ask_active()


def hold_active() -> ActiveConfigs:
    """Return the configuration in use and keep every worker out until the caller's transaction ends.

    Taken before anything is written or locked; for changes of who is whom, which scoring must not meet half.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [POINTER_LOCK])
    return get_active()


@transaction.atomic
def store_configs(
    *, decay: DecayConfigData | None = None, weight: WeightConfigData | None = None, note: str, now: datetime
) -> tuple[int | None, int | None]:
    """Store new versions (numbered here, the given numbers are ignored); nothing is activated.

    Weights whose hot threshold is the one of the setting keep following the setting.

    Returns: the versions given to the half-lives and to the weights.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [STORE_LOCK])
    decay_version = _store_decay(decay, note, now) if decay else None
    weight_version = _store_weight(weight, note, now) if weight else None
    return decay_version, weight_version


@transaction.atomic
def rescore_outdated(*, now: datetime, limit: int, after: UUID | None = None) -> tuple[int, UUID | None]:
    """Score up to `limit` accounts whose score is of another activation, of higher ids than `after`.

    Going on after the last one steps over none that is done; from the lowest id each search passes them all.

    Returns: how many were scored, and the last one's id where there may be more.
    """
    configs = share_active()
    stale = AccountContext.objects.exclude(activation_id=configs.activation_id)
    stale = stale.filter(account__merged_into=None).order_by("account_id")
    if after is not None:
        stale = stale.filter(account_id__gt=after)
    account_ids = list(stale.values_list("account_id", flat=True)[:limit])
    rescore(account_ids=account_ids, configs=configs, now=now, changed=set(account_ids))
    return len(account_ids), account_ids[-1] if len(account_ids) == limit else None


@transaction.atomic
def swap(decay: DecayConfig, weight: WeightConfig, *, actor: str, now: datetime) -> int:
    """Move the pointer, with the workers held while what came since the replay is replayed; return its id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [POINTER_LOCK])
    pointer = ActiveConfig.objects.select_for_update(of=("self",)).select_related("activation").get()
    before = pointer.activation
    if (before.decay_id, before.weight_id) == (decay.pk, weight.pk):
        return before.pk
    after: int | None = 0
    while after is not None and before.decay_id != decay.pk:
        after, _ = replay_chunk(from_decay_id=before.decay_id, target=decay, after=after)
    activation = ConfigActivation.objects.create(decay=decay, weight=weight, actor=actor, activated_at=now)
    active_data(activation)  # refuses numbers that can't be scored with, before anybody does
    pointer.activation = activation
    pointer.save(update_fields=["activation"])
    audit.record([_audit_entry(activation, before, actor=actor, now=now)])
    return activation.pk


def _audit_entry(
    activation: ConfigActivation, before: ConfigActivation, *, actor: str, now: datetime
) -> audit.AuditEntry:
    return audit.AuditEntry(
        name="config.activated",
        actor=actor,
        target_type="config_activation",
        target_id=str(activation.pk),
        at=now,
        payload={
            "decay_version": activation.decay.version,
            "weight_version": activation.weight.version,
            "previous_activation": before.pk,
        },
    )


def _next_version(model: type[DecayConfig] | type[WeightConfig] | type[IcpDefinition]) -> int:
    newest = model.objects.order_by("-version").values_list("version", flat=True).first()
    return (newest or 0) + 1


def _store_decay(data: DecayConfigData, note: str, now: datetime) -> int:
    row = DecayConfig.objects.create(
        version=_next_version(DecayConfig),
        half_lives=dict(data.half_lives),
        default_half_life=data.default_half_life,
        note=note,
        created_at=now,
    )
    return row.version


def _store_weight(data: WeightConfigData, note: str, now: datetime) -> int:
    plain = data.to_dict()
    plain |= {"version": _next_version(WeightConfig), "icp": _ensure_icp(plain["icp"], now)}
    if data.hot_threshold == settings.HIGH_INTENT_THRESHOLD:
        plain["hot_threshold"] = None
    return WeightConfig.objects.create(**plain, note=note, created_at=now).version


def _ensure_icp(icp: dict, now: datetime) -> IcpDefinition:
    same = IcpDefinition.objects.filter(name=icp["name"], criteria=icp["criteria"]).first()
    return same or IcpDefinition.objects.create(
        version=_next_version(IcpDefinition), name=icp["name"], criteria=icp["criteria"], created_at=now
    )
