"""Configurations of the score as rows: versions that are written once, and the pointer to those in use."""

from django.db import models
from django.db.models import Q


class IcpDefinition(models.Model):
    """A version of the ideal customer profile; written once."""

    version = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=100)
    criteria = models.JSONField(help_text="[{field, weight, one_of} or {field, weight, low, high}]")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class DecayConfig(models.Model):
    """A version of the half-lives (seconds); written once. Its change replays the ledger."""

    version = models.PositiveIntegerField(unique=True)
    half_lives = models.JSONField(help_text="Seconds per signal type.")
    default_half_life = models.PositiveIntegerField(help_text="Seconds, for every other type.")
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"decay v{self.version}"


class WeightConfig(models.Model):
    """A version of everything that applies when a score is read; written once."""

    version = models.PositiveIntegerField(unique=True)
    weights = models.JSONField(help_text="Points ≥ 0 per signal type.")
    saturations = models.JSONField(help_text="Evidence at which a type has given 63 % of its weight.")
    default_weight = models.FloatField()
    default_saturation = models.FloatField()
    rho = models.FloatField(help_text="Points at which the intent reaches 63.")
    stage_strengths = models.JSONField(help_text="Factor per opportunity stage.")
    default_stage_strength = models.FloatField(help_text="For stages that nobody has mapped.")
    damping = models.JSONField(help_text="Factor in (0, 1] per type of negative evidence.")
    lifting = models.JSONField(help_text="Per damping type: the types that end it.")
    hot_threshold = models.FloatField(null=True, blank=True, help_text="Empty: HIGH_INTENT_THRESHOLD.")
    warm_threshold = models.FloatField()
    leave_ratio = models.FloatField(default=0.8)
    dwell_seconds = models.FloatField(default=900, help_text="How long an account stays hot at least.")
    cool_down_seconds = models.FloatField(
        default=14_400, help_text="How long an account that was hot does not become so again."
    )
    icp = models.ForeignKey(IcpDefinition, models.PROTECT, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"weights v{self.version}"


class ConfigActivation(models.Model):
    """A pair of configurations that was put into use; the history of the active pointer."""

    decay = models.ForeignKey(DecayConfig, models.PROTECT, related_name="+")
    weight = models.ForeignKey(WeightConfig, models.PROTECT, related_name="+")
    actor = models.CharField(max_length=64)
    activated_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"activation {self.pk}"


class ActiveConfig(models.Model):
    """The one pointer to the configuration in use; workers share its lock, a swap takes it alone."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    activation = models.ForeignKey(ConfigActivation, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_active_config")]

    def __str__(self) -> str:
        return f"active: {self.activation_id}"
