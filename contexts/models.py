"""Accounts, their evidence and their score. Ids of people only: names live sealed."""

from uuid import uuid4

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from contexts.config_models import ActiveConfig, ConfigActivation, DecayConfig, IcpDefinition, WeightConfig
from contexts.ledger_indexes import LEDGER_INDEXES
from contexts.retraction_models import CountedEntries, Retraction

__all__ = [
    "Account",
    "AccountAlias",
    "AccountContext",
    "ActiveConfig",
    "ConfigActivation",
    "Contact",
    "Crossing",
    "DecayConfig",
    "EnrichmentRecord",
    "IcpDefinition",
    "LedgerEntry",
    "Retraction",
    "ScoreBucket",
    "StoredPack",
    "WeightConfig",
]


class Account(models.Model):
    """A company that signals speak of; `attributes` holds typed facts about it, never about people."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=200)
    attributes = models.JSONField(default=dict, blank=True)
    fact_sources = models.JSONField(default=dict, blank=True, help_text="Per attribute: sources and times.")
    created_at = models.DateTimeField()
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        indexes = [
            GinIndex(fields=["attributes"], opclasses=["jsonb_path_ops"], name="account_attributes"),
            models.Index(
                fields=["merged_into"], condition=Q(merged_into__isnull=False), name="account_merged"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AccountAlias(models.Model):
    """One name under which a source speaks of an account."""

    class Kind(models.TextChoices):
        CRM_ID = "crm_id", "CRM id"
        DOMAIN = "domain", "domain"
        EXTERNAL_ID = "external_id", "external id"
        NAME = "name", "name as given"

    account = models.ForeignKey(Account, models.PROTECT, related_name="aliases")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    value = models.CharField(max_length=200)
    source_signal_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="alias_names_one_account")]
        indexes = [
            models.Index(fields=["value"], opclasses=["varchar_pattern_ops"], name="alias_value_prefix")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class Contact(models.Model):
    """A person seen at an account; name and title are sealed under the subject's key."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="contacts")
    subject_id = models.UUIDField()
    title_class = models.CharField(max_length=24, default="unknown")
    sealed = models.BinaryField(null=True, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "subject_id"], name="contact_once_an_account")
        ]
        indexes = [models.Index(fields=["subject_id"], name="contact_subject")]

    def __str__(self) -> str:
        return f"contact {self.pk}"


class LedgerEntry(models.Model):
    """That a signal counts under a decay configuration, with its integer mass. Append-only.

    A retracted signal keeps its entry, so that it can't count a second time; `objects` leaves it out.
    """

    signal_id = models.UUIDField()
    decay = models.ForeignKey(DecayConfig, models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=64)
    stage = models.CharField(max_length=64, blank=True)
    subject_id = models.UUIDField(null=True, blank=True)
    occurred_at = models.DateTimeField()
    strength = models.FloatField()
    bucket = models.BigIntegerField()
    mass = models.BigIntegerField()
    recorded_at = models.DateTimeField()

    every: models.Manager["LedgerEntry"] = models.Manager()
    objects = CountedEntries()

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["signal_id", "decay"], name="signal_counts_once"),
            models.CheckConstraint(condition=Q(mass__gt=0), name="ledger_mass_positive"),
        ]
        indexes = LEDGER_INDEXES

    def __str__(self) -> str:
        return f"ledger entry {self.pk}"


class ScoreBucket(models.Model):
    """Summed evidence of one half-life: what scoring reads instead of one row a signal."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    decay = models.ForeignKey(DecayConfig, models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=64)
    stage = models.CharField(max_length=64, blank=True)
    subject_id = models.UUIDField(null=True, blank=True)
    bucket = models.BigIntegerField()
    mass = models.BigIntegerField()
    latest_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "decay", "type", "stage", "subject_id", "bucket"],
                nulls_distinct=False,
                name="one_bucket_a_key",
            ),
            models.CheckConstraint(condition=Q(mass__gt=0), name="bucket_mass_positive"),
        ]
        indexes = [
            models.Index(fields=["subject_id"], condition=Q(subject_id__isnull=False), name="bucket_subject")
        ]

    def __str__(self) -> str:
        return f"bucket {self.pk}"


class AccountContext(models.Model):
    """The score of an account as of `scored_at`; `version` rises with its evidence."""

    account = models.OneToOneField(Account, models.PROTECT, primary_key=True, related_name="context")
    intent_score = models.FloatField(default=0)
    fit_score = models.FloatField(default=0)
    priority = models.FloatField(default=0)
    band = models.CharField(max_length=8, default="cold")
    hot_until = models.DateTimeField(null=True, blank=True)
    version = models.BigIntegerField(default=0)
    published_intent = models.FloatField(default=0)
    evidence_at = models.DateTimeField(null=True, blank=True, help_text="Newest signal.")
    crossed_at = models.DateTimeField(null=True, blank=True, help_text="Hot band last entered or left.")
    scored_at = models.DateTimeField()
    activation = models.ForeignKey(ConfigActivation, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "account_contexts"
        constraints = [
            # BETWEEN also refuses NaN, which PostgreSQL holds greater than every number.
            models.CheckConstraint(condition=Q(intent_score__range=(0, 100)), name="intent_score_in_range"),
            models.CheckConstraint(condition=Q(fit_score__range=(0, 1)), name="fit_score_in_range"),
            models.CheckConstraint(condition=Q(priority__range=(0, 100)), name="priority_in_range"),
            models.CheckConstraint(condition=Q(band__in=["cold", "warm", "hot"]), name="band_is_known"),
        ]
        indexes = [
            models.Index(F("priority").desc(), F("account").asc(), name="context_priority"),
            models.Index("band", F("priority").desc(), F("account").asc(), name="context_band_priority"),
            models.Index(fields=["hot_until"], condition=Q(band="hot"), name="context_hot_until"),
            models.Index(fields=["scored_at"], condition=Q(intent_score__gt=0), name="context_stale"),
        ]

    def __str__(self) -> str:
        return f"context of {self.account_id}"


class Crossing(models.Model):
    """One passage of the high-intent band, up or down. Append-only; an action is unique per crossing."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    version = models.BigIntegerField()
    direction = models.CharField(max_length=4, choices=[("up", "up"), ("down", "down")])
    intent = models.FloatField()
    threshold = models.FloatField()
    crossed_at = models.DateTimeField()
    activation = models.ForeignKey(ConfigActivation, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "version"], name="one_crossing_a_version")]
        indexes = [models.Index(fields=["account", "crossed_at"], name="crossing_account_time")]

    def __str__(self) -> str:
        return f"crossing {self.pk}"


class StoredPack(models.Model):
    """A context pack as it was given to an agent: ids and typed facts only. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    content_hash = models.CharField(max_length=64)
    content = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "created_at"], name="pack_account_time")]

    def __str__(self) -> str:
        return f"pack {self.pk}"


class EnrichmentRecord(models.Model):
    """What a provider, the CRM or a person (`provider` crm or user) said of an account. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=32)
    facts = models.JSONField()
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "recorded_at"], name="enrichment_account_time")]

    def __str__(self) -> str:
        return f"enrichment {self.pk}"


# At the end, for Django looks for models in this module only.
from contexts import identity_models, replay_models, rollout_models  # noqa: E402, F401
