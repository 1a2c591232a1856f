"""The providers of company facts, in the order in which they are asked."""

from uuid import uuid4

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models

from integrations.enrichment import validators
from integrations.enrichment.contracts import FIELDS

MAX_PRICE = 10_000_000


class EnrichmentProvider(models.Model):
    """One provider; `price_micro_dollars` is what is reserved before a call."""

    KINDS = [("clearbit", "Clearbit's company look-up"), ("plain", "plain facts")]

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    slug = models.CharField(
        "name in the ledger",
        max_length=32,
        unique=True,
        validators=[
            RegexValidator(r"\A[a-z0-9][a-z0-9_-]{0,31}\Z", "Lower-case letters, digits, '_' and '-'."),
            validators.check_not_trusted,
        ],
        help_text="Ledger, audit, metrics and the sources of facts name it.",
    )
    label = models.CharField("name for people", max_length=100)
    kind = models.CharField(max_length=16, choices=KINDS)
    base_url = models.CharField(
        "base address",
        max_length=200,
        blank=True,
        validators=[validators.check_address],
        help_text="Empty: ENRICHMENT_BASE_URL with the key ENRICHMENT_API_KEY.",
    )
    live_key = models.BinaryField(default=bytes)
    fields = models.JSONField(
        default=list, validators=[validators.check_fields], help_text=f"Of {', '.join(FIELDS)}."
    )
    price_micro_dollars = models.PositiveIntegerField(
        validators=[MaxValueValidator(MAX_PRICE)],
        help_text="The most that one call can cost: 100000 is ten cents.",
    )
    misses_cost = models.BooleanField(default=False, help_text="A company that it does not know costs too.")
    position = models.PositiveSmallIntegerField(default=10, help_text="Lower ones are asked first.")
    enabled = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "enrichment_providers"
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.slug
