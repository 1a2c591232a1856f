"""Tables of what the law allows, and of each decision made under it before something was sent."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from compliance.consent_rules import CHANNELS, SUBSCRIBER_TYPES, InvalidConsent, Mode, check_jurisdiction

MAX_SOURCE = 2_000
MODES = [(mode.value, mode.value) for mode in Mode]


class ConsentPolicy(models.Model):
    """What one country demands before a kind of subscriber is contacted by a channel.

    A place without a row of its own follows the place it is part of; where no row is found, nothing goes.
    """

    country = models.CharField(max_length=8, help_text="Such as EU, DE, UK, US or US-CA.")
    subscriber_type = models.CharField(max_length=16, choices=[(name, name) for name in SUBSCRIBER_TYPES])
    channel = models.CharField(max_length=32, choices=[(name, name) for name in CHANNELS])
    mode = models.CharField(max_length=16, choices=MODES)
    double_opt_in = models.BooleanField(
        default=False, help_text="A consent counts only after the person confirmed it by a link."
    )
    legal_source = models.TextField(help_text="Statute and section, or the ruling, that this row rests on.")
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "consent_policies"
        verbose_name_plural = "consent policies"
        ordering: ClassVar[tuple[str, ...]] = ("country", "channel", "subscriber_type")
        constraints = (
            models.UniqueConstraint(
                fields=["country", "subscriber_type", "channel"], name="one_policy_per_case"
            ),
            models.CheckConstraint(
                name="policy_names_its_source", condition=~models.Q(legal_source__regex=r"^\s*$")
            ),
        )

    def __str__(self) -> str:
        return f"{self.country} {self.subscriber_type} {self.channel}: {self.mode}"

    def clean(self) -> None:
        """Refuse a source that the audit log could not hold, and a country that is no code.

        Raises:
            ValidationError: by field.
        """
        if len(self.legal_source) > MAX_SOURCE or "@" in self.legal_source:
            raise ValidationError({"legal_source": f"At most {MAX_SOURCE} characters and no address."})
        try:
            check_jurisdiction(self.country)
        except InvalidConsent as error:
            raise ValidationError({"country": error.message}) from error


class ConsentDecisionRecord(models.Model):
    """One decision that something was or was not sent on. Append-only.

    The database names ``recorded_at`` itself, so that a decision cannot be made to look fresh.
    """

    id = models.BigAutoField(primary_key=True)
    subject = models.ForeignKey(
        "compliance.Subject", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    purpose = models.CharField(max_length=32)
    channel = models.CharField(max_length=32)
    allowed = models.BooleanField()
    reason = models.CharField(max_length=32)
    revision_id = models.UUIDField(null=True)
    policy_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=64)
    decided_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "consent_decisions"
        verbose_name = "consent decision"
        indexes = (models.Index(fields=["subject", "purpose", "channel", "-id"], name="decision_newest"),)
        constraints = (
            models.CheckConstraint(
                name="allowed_names_a_revision",
                condition=models.Q(allowed=False) | models.Q(revision_id__isnull=False, reason="allowed"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.reason} {self.id}"
