"""Table of the replays of the store."""

from django.db import models
from django.db.models import Q


class ReplayRun(models.Model):
    """How far a replay of the store has come; written in the transaction of each chunk."""

    class Phase(models.TextChoices):
        SIGNALS = "signals"
        ACCOUNTS = "accounts"
        DONE = "done"

    since = models.DateTimeField(null=True, help_text="First moment of receipt; empty: the first signal.")
    until = models.DateTimeField(help_text="Moment of receipt at which the replay ends, excluded.")
    is_open_ended = models.BooleanField(help_text="`until` is when the run began, as nobody gave one.")
    topic = models.CharField(max_length=64, blank=True)
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.SIGNALS)
    cursor = models.UUIDField(null=True, help_text="Last signal, then last account, that was looked at.")
    looked_at = models.PositiveBigIntegerField(default=0, help_text="Signals.")
    counted = models.PositiveBigIntegerField(default=0, help_text="Signals that had not counted yet.")
    deviating = models.PositiveBigIntegerField(default=0, help_text="Ledger rows unlike their signals.")
    handed_over = models.PositiveBigIntegerField(default=0, help_text="Work items.")
    accounts = models.PositiveBigIntegerField(default=0, help_text="Accounts that were rebuilt.")
    mended = models.PositiveBigIntegerField(default=0, help_text="Accounts whose evidence or row was wrong.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic"], condition=Q(finished_at__isnull=True), name="one_unfinished_replay_a_topic"
            )
        ]

    def __str__(self) -> str:
        return f"replay {self.pk}"
