"""Reads of configurations."""

from datetime import datetime

from django.conf import settings

from contexts.contracts import ActiveConfigs, ConfigView
from contexts.models import ActiveConfig, ConfigActivation, DecayConfig, IcpDefinition, WeightConfig
from contexts.scoring import DecayConfigData, IcpData, WeightConfigData
from revctx.reading import read_once


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
        return read_once("configuration in use", _read_active)
    history = ConfigActivation.objects.select_related("decay", "weight__icp").order_by("id")
    activation = history.filter(activated_at__lte=known_at).last() or history.first()
    if activation is None:
        raise ActiveConfig.DoesNotExist("no configuration was ever activated")
    return active_data(activation)


def _read_active() -> ActiveConfigs:
    row = ActiveConfig.objects.select_related("activation__decay", "activation__weight__icp").get()
    return active_data(row.activation)


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
