"""Tables of the seal; all but the verifications are append-only."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now


class AuditLeaf(models.Model):
    """Where an audit row stands in the tree, and its leaf hash."""

    index = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    recorded_at = models.DateTimeField()
    leaf = models.BinaryField()

    class Meta:
        db_table = "audit_leaves"

    def __str__(self) -> str:
        return str(self.index)


class AuditTile(models.Model):
    """The root of a perfect subtree of 2^height leaves, so that a proof need not read them."""

    pk = models.CompositePrimaryKey("height", "index")
    height = models.SmallIntegerField()
    index = models.BigIntegerField()
    root = models.BinaryField()

    class Meta:
        db_table = "audit_tiles"

    def __str__(self) -> str:
        return f"{self.height}/{self.index}"


class AuditCheckpoint(models.Model):
    """One signed seal, and how far in the cluster's transactions the sealer had come."""

    id = models.BigAutoField(primary_key=True)
    size = models.BigIntegerField(unique=True)
    root = models.BinaryField()
    note = models.TextField()
    key_id = models.CharField(max_length=16)
    sealed_at = models.DateTimeField()
    system_identifier = models.CharField(max_length=32)
    txid = models.BigIntegerField()
    last_id = models.UUIDField()

    class Meta:
        db_table = "audit_checkpoints"

    def __str__(self) -> str:
        return str(self.size)


class AuditKey(models.Model):
    """A key that took over the sealing: the first one, or by a rotation that both keys signed."""

    id = models.BigAutoField(primary_key=True)
    key_id = models.CharField(max_length=16, unique=True)
    public_key = models.CharField(max_length=128)
    rotation = models.TextField(blank=True)
    added_at = models.DateTimeField()

    class Meta:
        db_table = "audit_keys"

    def __str__(self) -> str:
        return self.key_id


class AuditRetirement(models.Model):
    """A month that retention takes away; the row goes before the partition, and the next seal signs it."""

    month = models.DateField(primary_key=True)
    rows = models.BigIntegerField()
    event_id = models.UUIDField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "audit_retirements"

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class AuditReconciliation(models.Model):
    """What the last comparison of states with the audit log found; one row, overwritten each time."""

    name = models.CharField(max_length=16, primary_key=True)
    compared_at = models.DateTimeField()
    unrecorded = models.PositiveIntegerField()

    class Meta:
        db_table = "audit_reconciliations"

    def __str__(self) -> str:
        return self.name


class AuditVerification(models.Model):
    """A verification that somebody asked for, how far it is, and what it found."""

    class State(models.TextChoices):
        """Where it stands."""

        QUEUED = "queued"
        RUNNING = "running"
        SOUND = "sound"
        UNSOUND = "unsound"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    actor = models.CharField(max_length=64)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    progress = models.JSONField(default=dict)
    report = models.JSONField(null=True)

    class Meta:
        db_table = "audit_verifications"
        indexes = (
            models.Index(
                fields=["requested_at"],
                name="audit_verifications_open",
                condition=models.Q(state__in=("queued", "running")),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)
