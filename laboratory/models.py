"""Tables of schema `lab`: definitions, runs, their decisions, and what became of them.

Nothing here is personal: accounts, signals and users are ids. No foreign key leaves the schema.
"""

import uuid

from django.db import models
from django.db.models import F, Q


class Experiment(models.Model):
    """Two frozen configurations over one frozen stretch of signals; never changed once created.

    `champion` and `challenger` hold `{"decay": …, "weight": …}` in the JSON form of
    `contexts.scoring`, so a run needs no table of configurations.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    champion = models.JSONField()
    challenger = models.JSONField()
    window_start = models.DateTimeField(null=True, help_text="Crossings before it do not count.")
    window_end = models.DateTimeField()
    known_at = models.DateTimeField(help_text="Signals received later are not seen.")
    backfill_after_hours = models.PositiveIntegerField(
        help_text="A signal received later than this after it occurred counts as history loaded later."
    )
    review_capacity = models.PositiveIntegerField(help_text="k of precision@k, in accounts.")
    seed = models.BigIntegerField()
    created_by = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = '"lab"."experiment"'
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="lab_experiment_newest")]
        constraints = [
            models.CheckConstraint(condition=Q(window_end__lte=F("known_at")), name="lab_window_known"),
            models.CheckConstraint(condition=Q(review_capacity__gte=1), name="lab_capacity_positive"),
        ]

    def __str__(self) -> str:
        return f"experiment {self.id}"


class Run(models.Model):
    """One replay of an experiment, taken by a laboratory worker.

    `heartbeat_at` older than a minute means that its worker is gone and another may take it.
    `attempt` fences: a worker that lost its run can no longer finish it.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    OPEN = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="runs", db_index=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    requested_by = models.BigIntegerField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=64, default="")
    attempt = models.PositiveIntegerField(default=0)
    processed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    manifest = models.JSONField(null=True)
    metrics = models.JSONField(null=True)
    metrics_sha256 = models.CharField(max_length=64, default="")
    failure = models.CharField(max_length=64, default="", help_text="Code of the reason, when failed.")

    class Meta:
        db_table = '"lab"."run"'
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["experiment", "-created_at"], name="lab_run_by_experiment"),
            models.Index(
                fields=["created_at"], condition=Q(state__in=["queued", "running"]), name="lab_run_open"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(state__in=["queued", "running"]), name="lab_one_open_run"
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(manifest__isnull=False, metrics__isnull=False),
                name="lab_run_done_has_result",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.id} ({self.state})"


class CrossingDecision(models.Model):
    """An account's upward crossing under one arm of a run, as production would have acted on it."""

    class Arm(models.TextChoices):
        CHAMPION = "champion"
        CHALLENGER = "challenger"

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, models.PROTECT, related_name="decisions", db_index=False)
    arm = models.CharField(max_length=10, choices=Arm)
    account_id = models.UUIDField()
    signal_id = models.UUIDField()
    at = models.DateTimeField()
    intent = models.FloatField()

    class Meta:
        db_table = '"lab"."crossing_decision"'
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "arm", "account_id", "at"], name="lab_one_decision_a_moment"
            ),
            models.CheckConstraint(condition=Q(intent__gte=0, intent__lte=100), name="lab_intent_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.arm} crossing of account {self.account_id}"


class Promotion(models.Model):
    """A request to make a challenger the production configuration; two people are needed.

    Changing over replays the ledger in many short transactions, so it can be interrupted or superseded:
    approved without `applied_at`, or rolled back without `restored_at`, means that asking again finishes it.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        APPROVED = "approved"
        REJECTED = "rejected"
        ROLLED_BACK = "rolled_back"
        VOID = "void"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="promotions", db_index=False)
    run = models.ForeignKey(Run, models.PROTECT, related_name="promotions")
    state = models.CharField(max_length=12, choices=State, default=State.REQUESTED)
    verdict = models.CharField(max_length=24)
    reason = models.CharField(max_length=500, default="", blank=True)
    manifest_digest = models.CharField(max_length=64)
    decay_before = models.PositiveIntegerField()
    weight_before = models.PositiveIntegerField()
    decay_after = models.PositiveIntegerField()
    weight_after = models.PositiveIntegerField()
    proposer = models.BigIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    approver = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True, help_text="When production had changed over.")
    void_reason = models.CharField(max_length=40, default="", blank=True)
    rolled_back_by = models.BigIntegerField(null=True)
    rolled_back_at = models.DateTimeField(null=True)
    restored_at = models.DateTimeField(null=True, help_text="When production had changed back.")

    class Meta:
        db_table = '"lab"."promotion"'
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["experiment", "-created_at"], name="lab_promotion_by_experiment")]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(state="requested"), name="lab_one_open_promotion"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "rolled_back"])
                | (Q(approver__isnull=False) & ~Q(approver=F("proposer"))),
                name="lab_promotion_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return f"promotion {self.id} ({self.state})"
