"""What the connectors keep: who arrived, who belongs to whom, and the mappings of other sources."""

from uuid import uuid4

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from integrations.generic import validators
from integrations.generic.mapping import MAX_EXPRESSION


class InboundRequest(models.Model):
    """Webhook requests of one source: one row a request that was let in, one a minute and reason of others.

    No payload, nothing personal. `first_at` of refused requests is the start of their minute, so that an
    attacker adds to a number and not to the table.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=64)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=200, default="")
    requests = models.PositiveBigIntegerField(default=1)
    accepted = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    conflicts = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    noted = models.PositiveIntegerField(default=0)
    request_id = models.CharField(max_length=128, default="")

    class Meta:
        db_table = "integration_inbound"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["source", "-id"], name="integration_inbound_source"),
            models.Index(fields=["first_at"], name="integration_inbound_first_at"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "status", "reason", "first_at"],
                condition=Q(status__gte=400),
                name="integration_inbound_refused",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.status}"


class KnownReference(models.Model):
    """What a source taught about one of its own ids: the account and the person that it belongs to.

    The id is kept as a keyed hash, for some sources use e-mail addresses as ids.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=64)
    key_hash = models.BinaryField(max_length=32)
    account = models.JSONField(null=True)
    account_at = models.DateTimeField(null=True)
    subject_id = models.UUIDField(null=True)
    subject_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "integration_references"
        constraints = [
            models.UniqueConstraint(fields=["source", "key_hash"], name="integration_references_unique")
        ]
        indexes = [
            models.Index(
                fields=["subject_id"],
                condition=Q(subject_id__isnull=False),
                name="integration_references_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.id}"


class ExpressionField(models.CharField):
    """A JMESPath expression, checked when it is saved."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("max_length", MAX_EXPRESSION)
        kwargs.setdefault("validators", [validators.check_expression])
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]


class MappedSource(models.Model):
    """A JSON source and the expressions that make signals of its webhooks."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    slug = models.CharField(
        "name in the address",
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(r"\A[a-z0-9][a-z0-9_.-]{0,63}\Z", "Lower-case letters, digits, '_', '-' and '.'."),
            validators.check_not_reserved,
        ],
        help_text="The webhook's address ends in it, and its signals name it as their source.",
    )
    label = models.CharField("name for people", max_length=100)
    enabled = models.BooleanField(default=True, help_text="A source that is switched off is answered 401.")
    live_secrets = models.BinaryField(default=bytes)
    events = ExpressionField(
        blank=True, help_text="List of events in the body. Empty: the body is one event, or a list of them."
    )
    type = ExpressionField(help_text="Signal type; a fixed one in quotes: 'demo_requested'.")
    external_id = ExpressionField(help_text="The source's name for the thing.")
    natural_key = ExpressionField(
        blank=True, help_text="What makes the event the same event. Empty: its webhook-id."
    )
    occurred_at = ExpressionField(
        blank=True, help_text="ISO 8601 with zone, or Unix seconds or milliseconds. Empty: when it arrives."
    )
    strength = ExpressionField(blank=True, help_text="Above 0, at most 10. Empty: 1.")
    account_id = ExpressionField("account: id", blank=True)
    account_crm_id = ExpressionField("account: CRM id", blank=True)
    account_external_id = ExpressionField("account: external id", blank=True)
    account_domain = ExpressionField("account: domain", blank=True)
    account_name = ExpressionField("account: name", blank=True)
    person_mail = ExpressionField("person: e-mail", blank=True)
    person_name = ExpressionField("person: name", blank=True)
    person_title = ExpressionField("person: title", blank=True)
    attributes = models.JSONField(
        default=dict,
        blank=True,
        validators=[validators.check_attributes],
        help_text='Attribute to expression: {"value": "deal.amount", "stage": "deal.stage"}.',
    )
    translations = models.JSONField(
        default=dict,
        blank=True,
        validators=[validators.check_translations],
        help_text='What the source writes to what it means here, for "type" and for attributes: '
        '{"type": {"form.sent": "demo_requested"}, "stage": {"Angebot": "proposal_price_quote"}}.',
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "integration_sources"
        ordering = ["slug"]
        verbose_name = "mapped source"

    def __str__(self) -> str:
        return self.slug
