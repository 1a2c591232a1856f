"""The signal store: append-only rows, the keys that make them unique, and the catalogue."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q


class SignalType(models.Model):
    """One entry of the catalogue: what a signal means and what its attributes may be."""

    name = models.CharField(max_length=64, primary_key=True)
    label = models.CharField(max_length=100)
    description = models.TextField()
    payload_schema = models.JSONField(default=dict)
    claims = models.JSONField(default=list)

    class Meta:
        db_table = "signal_types"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SignalCode(models.Model):
    """A code that an attribute of kind "code" may hold, such as an opportunity stage."""

    id = models.BigAutoField(primary_key=True)
    list_name = models.CharField(max_length=40)
    code = models.CharField(max_length=64)
    label = models.CharField(max_length=100)

    class Meta:
        db_table = "signal_codes"
        ordering = ["list_name", "code"]
        constraints = [
            models.UniqueConstraint(fields=["list_name", "code"], name="signal_codes_unique"),
            models.CheckConstraint(condition=Q(code__regex=r"^[a-z0-9_]+$"), name="signal_codes_slug"),
        ]

    def __str__(self) -> str:
        return f"{self.list_name}: {self.code}"


class Signal(models.Model):
    """A buying signal as it was received.

    The database refuses UPDATE, DELETE and TRUNCATE; retention drops whole months of `received_at`. The
    column `txid` (xid8, filled by PostgreSQL) orders rows for readers that follow the table.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    received_at = models.DateTimeField()
    occurred_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    account = models.JSONField()
    subject_id = models.UUIDField(null=True)
    strength = models.FloatField(default=1.0)
    attributes = models.JSONField(default=dict)
    sealed = models.BinaryField()
    schema_version = models.PositiveSmallIntegerField(default=1)
    request_id = models.CharField(max_length=128, default="")
    conflicts_with = models.UUIDField(null=True)

    class Meta:
        db_table = "signals"
        ordering = ["-occurred_at", "-id"]
        indexes = [
            models.Index(fields=["occurred_at", "id"], name="signals_occurred"),
            models.Index(fields=["type", "occurred_at", "id"], name="signals_type_occurred"),
            models.Index(fields=["source", "occurred_at", "id"], name="signals_source_occurred"),
            GinIndex(
                fields=["account"], opclasses=["jsonb_path_ops"], fastupdate=False, name="signals_account"
            ),
            models.Index(
                fields=["conflicts_with"], condition=Q(conflicts_with__isnull=False), name="signals_conflicts"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(strength__gt=0) & Q(strength__lte=10), name="signals_strength_in_range"
            ),
            models.CheckConstraint(
                condition=Q(occurred_at__lte=models.F("received_at")), name="signals_not_in_the_future"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SignalKey(models.Model):
    """The natural key of an event at its source; outlives the signal, so a replay years later is known.

    `fingerprint` was made under the key of `subject_id`, else of the month of `received_at`.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=64)
    key_hash = models.BinaryField(max_length=32)
    signal_id = models.UUIDField()
    subject_id = models.UUIDField(null=True)
    fingerprint = models.BinaryField(max_length=36)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "signal_keys"
        constraints = [models.UniqueConstraint(fields=["source", "key_hash"], name="signal_keys_unique")]

    def __str__(self) -> str:
        return str(self.signal_id)


class SignalConflict(models.Model):
    """A second version of an event that was already stored: kept, linked, never scored."""

    id = models.BigAutoField(primary_key=True)
    key = models.ForeignKey(SignalKey, on_delete=models.PROTECT, related_name="conflicts")
    signal_id = models.UUIDField()
    subject_id = models.UUIDField(null=True)
    fingerprint = models.BinaryField(max_length=36)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "signal_conflicts"
        constraints = [models.UniqueConstraint(fields=["key", "fingerprint"], name="signal_conflicts_unique")]

    def __str__(self) -> str:
        return str(self.signal_id)


class QuarantinedPayload(models.Model):
    """A webhook body that could be read but not understood, sealed until somebody looks."""

    class State(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"

    class Outcome(models.TextChoices):
        """How a resolved payload ended; empty while it is open."""

        ACCEPTED = "accepted"
        DUPLICATE = "duplicate"
        CONFLICT = "conflict"
        NOTED = "noted"  # its mapper made no signal of it, on purpose
        DISMISSED = "dismissed"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, editable=False)
    source = models.CharField(max_length=64)
    reason = models.CharField(max_length=64)
    sealed = models.BinaryField(null=True)  # null once a person named in it was erased, or its time is over
    # The persons whose addresses it names. One: sealed under that person's key; else under the month's.
    subject_ids = ArrayField(models.UUIDField(), default=list)
    received_at = models.DateTimeField()
    request_id = models.CharField(max_length=128, default="")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    # The sender's own id of the delivery, which a replay needs as natural key; sealed like the body.
    sealed_delivery = models.BinaryField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default="", db_default="", blank=True)
    signal_ids = ArrayField(models.UUIDField(), default=list, db_default=[])
    replays = models.PositiveIntegerField(default=0, db_default=0)
    replayed_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "signal_quarantine"
        indexes = [
            models.Index(
                fields=["-received_at", "-id"], condition=Q(state="open"), name="signal_quarantine_open"
            ),
            GinIndex(fields=["subject_ids"], name="signal_quarantine_subjects"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ImportCheckpoint(models.Model):
    """How far a file was imported through a mapping; written in the transaction of each chunk."""

    id = models.BigAutoField(primary_key=True)
    file_sha256 = models.CharField(max_length=64)
    mapping_sha256 = models.CharField(max_length=64)
    source = models.CharField(max_length=64)
    line = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    conflicts = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "signal_imports"
        constraints = [
            models.UniqueConstraint(fields=["file_sha256", "mapping_sha256"], name="signal_imports_unique")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.file_sha256[:12]}"
