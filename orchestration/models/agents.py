"""What agents were asked for, what they did, and what it cost."""

from uuid import uuid4

from django.db import models
from django.db.models import Q


class DraftRequest(models.Model):
    """An upward crossing that wants an action; drafted outside any transaction under a lease."""

    STATES = [(name, name) for name in ("open", "done", "abstained", "superseded", "dead")]

    crossing_id = models.UUIDField(unique=True)
    account_id = models.UUIDField()
    context_version = models.PositiveBigIntegerField()
    state = models.CharField(max_length=16, choices=STATES, default="open")
    reason_code = models.CharField(max_length=48, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()  # also the end of the lease of whoever drafts it
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "draft_requests"
        indexes = [
            models.Index(fields=["due_at", "id"], name="draft_requests_open", condition=Q(state="open")),
            models.Index(fields=["account_id"], name="draft_requests_account", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"draft for {self.crossing_id}"


class AgentRun(models.Model):
    """One call of an agent: the cost ledger. Holds hashes and numbers, never text."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    crossing_id = models.UUIDField(db_index=True)
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=64, blank=True)
    prompt_version = models.CharField(max_length=32)
    outcome = models.CharField(max_length=32)
    finish_reason = models.CharField(max_length=32, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    micro_dollars = models.PositiveBigIntegerField(default=0)
    price_version = models.CharField(max_length=32, blank=True)
    latency_ms = models.PositiveIntegerField(default=0)
    request_hash = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "agent_runs"

    def __str__(self) -> str:
        return f"{self.provider} {self.outcome} {self.id}"


class EnrichmentSpend(models.Model):
    """Money reserved and spent on one enrichment call: the truth behind the budget in Redis."""

    STATES = [(name, name) for name in ("reserved", "settled", "released")]

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)  # reservation id
    account_id = models.UUIDField()
    month = models.DateField()  # first day of the month, UTC, in which it was reserved
    provider = models.CharField(max_length=32)
    crossing_id = models.UUIDField(null=True)
    state = models.CharField(max_length=16, choices=STATES, default="reserved")
    outcome = models.CharField(max_length=32, blank=True)
    max_micro_dollars = models.PositiveBigIntegerField()
    micro_dollars = models.PositiveBigIntegerField()  # counted: the maximum until it is settled
    reserved_at = models.DateTimeField()
    expires_at = models.DateTimeField()  # when whoever reserved it is held for dead
    dispatched_at = models.DateTimeField(null=True)  # empty: the provider was certainly not called
    settled_at = models.DateTimeField(null=True)
    rest_until = models.DateTimeField(null=True)  # the provider is not asked again before

    class Meta:
        db_table = "enrichment_spend"
        indexes = [
            models.Index(fields=["account_id", "month"], name="enrichment_account_month"),
            models.Index(fields=["provider", "-reserved_at"], name="enrichment_provider_newest"),
            models.Index(fields=["expires_at"], condition=Q(state="reserved"), name="enrichment_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "provider", "crossing_id"], name="one_enrichment_per_crossing"
            ),
            models.UniqueConstraint(
                fields=["account_id", "provider"], condition=Q(state="reserved"), name="one_flight_a_provider"
            ),
            models.CheckConstraint(
                name="spend_within_reservation", condition=Q(micro_dollars__lte=models.F("max_micro_dollars"))
            ),
        ]

    def __str__(self) -> str:
        return f"enrichment {self.id}"
