"""Reads of configurations."""

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

from contexts.contracts import ActiveConfigs, ConfigView
from contexts.models import ActiveConfig, ConfigActivation, DecayConfig, IcpDefinition, WeightConfig
from contexts.scoring import DecayConfigData, IcpData, WeightConfigData
from revctx.reading import read_once
from revctx.statements import Answer, Rows, ask_prepared

_JSON = "::text"
# Columns that scoring needs, and how they are read.
_DECAY = {"version": "", "half_lives": _JSON, "default_half_life": ""}
_WEIGHT = {
    "version": "",
    "weights": _JSON,
    "saturations": _JSON,
    "default_weight": "",
    "default_saturation": "",
    "rho": "",
    "stage_strengths": _JSON,
    "default_stage_strength": "",
    "damping": _JSON,
    "lifting": _JSON,
    "hot_threshold": "",
    "warm_threshold": "",
    "leave_ratio": "",
    "dwell_seconds": "",
    "cool_down_seconds": "",
}
_ICP = {"version": "", "name": "", "criteria": _JSON}
_COLUMNS = ", ".join(
    f"{table}.{name}{kind}"
    for table, columns in (("d", _DECAY), ("w", _WEIGHT), ("i", _ICP))
    for name, kind in columns.items()
)
_ACTIVE = f"""
SELECT a.id, a.decay_id, {_COLUMNS}
FROM contexts_activeconfig p
JOIN contexts_configactivation a ON a.id = p.activation_id
JOIN contexts_decayconfig d ON d.id = a.decay_id
JOIN contexts_weightconfig w ON w.id = a.weight_id
JOIN contexts_icpdefinition i ON i.id = w.icp_id
"""


def get_active_configs() -> tuple[DecayConfigData, WeightConfigData]:
    """Return the half-lives and the weights in use."""
    active = get_active()
    return active.decay, active.weight


def get_hot_threshold() -> float:
    """Return the intent (0–100) from which an account is hot under the weights in use."""
    return get_active().weight.hot_threshold


def get_active(*, known_at: datetime | None = None) -> ActiveConfigs:
    """Return the configuration in use, or the one that was in use at `known_at`."""
    if known_at is None:
        return read_once("configuration in use", lambda: ask_active().get())
    history = ConfigActivation.objects.select_related("decay", "weight__icp").order_by("id")
    activation = history.filter(activated_at__lte=known_at).last() or history.first()
    if activation is None:
        raise ActiveConfig.DoesNotExist("no configuration was ever activated")
    return active_data(activation)


def ask_active() -> Answer[ActiveConfigs]:
    """Ask for the configuration in use.

    The get raises: ActiveConfig.DoesNotExist.
    """
    return ask_prepared(_ACTIVE, [], _make_active)


def _make_active(rows: Rows) -> ActiveConfigs:
    if not rows:
        raise ActiveConfig.DoesNotExist("no configuration was ever activated")
    return _parse(rows[0], settings.HIGH_INTENT_THRESHOLD)


@lru_cache(maxsize=4)
def _parse(values: tuple[Any, ...], _threshold: float) -> ActiveConfigs:
    """Return what these values mean under this setting; they are read every time, but seldom change."""
    activation_id, decay_id, *stored = values
    rest = iter(stored)
    decay, weight, icp = (
        {name: json.loads(next(rest)) if kind else next(rest) for name, kind in columns.items()}
        for columns in (_DECAY, _WEIGHT, _ICP)
    )
    activation = ConfigActivation(
        id=activation_id, decay=DecayConfig(id=decay_id, **decay), weight=WeightConfig(**weight)
    )
    activation.weight.icp = IcpDefinition(**icp)
    return active_data(activation)


def get_decay(version: int) -> DecayConfigData:
    """Return one version of the half-lives. Raises DecayConfig.DoesNotExist."""
    return decay_data(DecayConfig.objects.get(version=version))


def get_weight(version: int) -> WeightConfigData:
    """Return one version of the weights. Raises WeightConfig.DoesNotExist."""
    return weight_data(WeightConfig.objects.select_related("icp").get(version=version))


def list_configs() -> list[ConfigView]:
    """Return every stored version, newest first, half-lives before weights."""
    active = ActiveConfig.objects.select_related("activation__decay", "activation__weight").get().activation
    decays = [_view("decay", row, active.decay_id) for row in DecayConfig.objects.order_by("-version")]
    weights = [_view("weight", row, active.weight_id) for row in WeightConfig.objects.order_by("-version")]
    return decays + weights


def active_data(activation: ConfigActivation) -> ActiveConfigs:
    """Return an activation as plain values."""
    return ActiveConfigs(
        activation_id=activation.pk,
        decay_id=activation.decay_id,
        decay=decay_data(activation.decay),
        weight=weight_data(activation.weight),
    )


def decay_data(row: DecayConfig) -> DecayConfigData:
    """Return stored half-lives as plain values."""
    return DecayConfigData(
        version=row.version, half_lives=row.half_lives, default_half_life=row.default_half_life
    )


def weight_data(row: WeightConfig) -> WeightConfigData:
    """Return stored weights as plain values; no threshold of their own means the setting's.

    A setting below the warm threshold takes that down with it: an operator's number must not stop scoring.
    """
    threshold = settings.HIGH_INTENT_THRESHOLD if row.hot_threshold is None else row.hot_threshold
    return WeightConfigData(
        version=row.version,
        weights=row.weights,
        saturations=row.saturations,
        default_weight=row.default_weight,
        default_saturation=row.default_saturation,
        rho=row.rho,
        stage_strengths=row.stage_strengths,
        default_stage_strength=row.default_stage_strength,
        damping=row.damping,
        lifting={kind: tuple(types) for kind, types in row.lifting.items()},
        hot_threshold=threshold,
        warm_threshold=min(row.warm_threshold, threshold),
        leave_ratio=row.leave_ratio,
        dwell_seconds=row.dwell_seconds,
        cool_down_seconds=row.cool_down_seconds,
        icp=icp_data(row.icp),
    )


def icp_data(row: IcpDefinition) -> IcpData:
    """Return a stored profile as plain values."""
    return IcpData.from_dict({"version": row.version, "name": row.name, "criteria": row.criteria})


def _view(kind: str, row: DecayConfig | WeightConfig, active_id: int) -> ConfigView:
    return ConfigView(
        kind=kind, version=row.version, note=row.note, created_at=row.created_at, active=row.pk == active_id
    )
