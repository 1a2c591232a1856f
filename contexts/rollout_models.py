"""Table of the ways of configurations into use."""

from django.db import models
from django.db.models import Q


class ConfigRollout(models.Model):
    """How far a pair of configurations has come on its way into use; written with each chunk.

    Until `activated_at` nothing of it shows anywhere else: it is replayed and tried beside the one in use.
    """

    class Phase(models.TextChoices):
        """What is being done."""

        REPLAY = "replay", "Replaying signals"
        TRIAL = "trial", "Scoring on trial"
        SCORES = "scores", "Writing scores"
        DONE = "done", "In use"
        SUPERSEDED = "superseded", "Superseded"

    decay = models.ForeignKey("contexts.DecayConfig", models.PROTECT, related_name="+", db_index=False)
    weight = models.ForeignKey("contexts.WeightConfig", models.PROTECT, related_name="+", db_index=False)
    actor = models.CharField(max_length=64)
    phase = models.CharField(max_length=12, choices=Phase, default=Phase.REPLAY)
    replayed = models.PositiveBigIntegerField(default=0, help_text="Signals under the new half-lives.")
    to_replay = models.PositiveBigIntegerField(default=0, help_text="Signals, as counted at the start.")
    tried = models.PositiveBigIntegerField(default=0, help_text="Accounts scored on trial.")
    accounts = models.PositiveBigIntegerField(default=0, help_text="Accounts, as counted at the start.")
    would_rise = models.PositiveBigIntegerField(default=0, help_text="Of those tried: become hot.")
    would_fall = models.PositiveBigIntegerField(default=0, help_text="Of those tried: cool down.")
    scored = models.PositiveBigIntegerField(default=0, help_text="Accounts whose new score is written.")
    after_entry = models.BigIntegerField(default=0, editable=False)
    after_account = models.UUIDField(null=True, editable=False)
    started_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Of a constant, so that there is one unfinished row at most.
            models.UniqueConstraint(
                models.ExpressionWrapper(Q(finished_at__isnull=True), output_field=models.BooleanField()),
                condition=Q(finished_at__isnull=True),
                name="one_unfinished_rollout",
            )
        ]

    def __str__(self) -> str:
        return f"rollout {self.pk}"

    @property
    def state(self) -> str:
        """Return the phase in words; one that was superseded may have come into use before."""
        if self.phase == self.Phase.SUPERSEDED and self.activated_at is not None:
            return "Came into use, superseded before all scores were written"
        return str(self.get_phase_display())

    @property
    def share_done(self) -> float:
        """Return how much of the phase is done, 0 to 1."""
        done, of = {
            self.Phase.REPLAY: (self.replayed, self.to_replay),
            self.Phase.TRIAL: (self.tried, self.accounts),
            self.Phase.SCORES: (self.scored, self.accounts),
        }.get(self.Phase(self.phase), (1, 1))
        return min(done / of, 1.0) if of else 1.0
