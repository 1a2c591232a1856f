"""What the Salesforce connector remembers; in PostgreSQL, so that no flushed cache forgets it."""

from django.db import models


class SeenDelivery(models.Model):
    """A delivery that ended in quarantine, so that its repetitions don't end there again.

    `digest` is SHA-256 of the door's name and the vendor's id of the delivery. Deliveries that became
    signals are remembered by the signal's own key.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    quarantine_id = models.UUIDField()
    received_at = models.DateTimeField()

    class Meta:
        app_label = "integrations"
        db_table = "integration_seen_deliveries"

    def __str__(self) -> str:
        return str(self.quarantine_id)


class ChangeCursor(models.Model):
    """How far a stream of changes was read; written in the transaction of what was read.

    `replay_id` is the vendor's, opaque; empty means from the oldest that is kept. `heard_at` is when the
    stream last told us its position, changes or not.
    """

    topic = models.CharField(max_length=255, primary_key=True)
    replay_id = models.BinaryField(default=b"")
    heard_at = models.DateTimeField()

    class Meta:
        app_label = "integrations"
        db_table = "integration_change_cursors"

    def __str__(self) -> str:
        return self.topic


class OpportunityAccount(models.Model):
    """Which account an opportunity belongs to; an update says only what changed, so it must be known."""

    opportunity_id = models.CharField(max_length=18, primary_key=True)
    account_id = models.CharField(max_length=18)

    class Meta:
        app_label = "integrations"
        db_table = "integration_opportunity_accounts"

    def __str__(self) -> str:
        return self.opportunity_id
