"""Tables of compliance: audit log, subjects and their keys, consent revisions, suppressions."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now

from compliance.consent_rules import DEFAULT_SUBSCRIBER
from compliance.policy_models import ConsentDecisionRecord, ConsentPolicy
from compliance.sealing.models import (
    AuditCheckpoint,
    AuditKey,
    AuditLeaf,
    AuditRetirement,
    AuditTile,
    AuditVerification,
)

__all__ = (
    "AuditCheckpoint",
    "AuditKey",
    "AuditLeaf",
    "AuditLog",
    "AuditRetirement",
    "AuditTile",
    "AuditVerification",
    "Breach",
    "ClusterMark",
    "ConsentDecisionRecord",
    "ConsentPolicy",
    "ConsentRevision",
    "CurrentTransactionId",
    "EscrowedKey",
    "MonthKey",
    "PrivacyCertificate",
    "PrivacyExport",
    "PrivacyRequest",
    "PrivacyTarget",
    "Restriction",
    "RetentionSchedule",
    "Subject",
    "SubjectLink",
    "Suppression",
    "UuidV7",
)


class UuidV7(models.Func):
    """PostgreSQL's time-ordered UUID, made by the database."""

    template = "uuidv7()"
    output_field: ClassVar[models.Field[Any, Any]] = models.UUIDField()


class CurrentTransactionId(models.Func):
    """The current transaction's 64-bit id, assigning one if there is none."""

    template = "((pg_current_xact_id()::text)::bigint)"
    output_field: ClassVar[models.Field[Any, Any]] = models.BigIntegerField()


class AuditLog(models.Model):
    """One recorded transition. Append-only, partitioned by month of ``recorded_at``.

    ``id``, ``recorded_at`` and ``txid`` are the database's: the application may not even name them when it
    inserts, so it cannot backdate a row. ``occurred_at`` is the time the writer gave.
    """

    id = models.UUIDField(primary_key=True, db_default=UuidV7(), editable=False)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    txid = models.BigIntegerField(db_default=CurrentTransactionId(), editable=False)
    occurred_at = models.DateTimeField()
    name = models.CharField(max_length=64)
    actor = models.CharField(max_length=64)
    target_type = models.CharField(max_length=32)
    target_id = models.CharField(max_length=128, blank=True)
    account_id = models.UUIDField(null=True, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    payload = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "audit_logs"
        verbose_name = "audit event"
        ordering = ("-recorded_at", "-id")
        # Ascending and without the id: rows of one statement share its time, so one key (migration 0601).
        # The sealer's order names the id, for its cursor stands between two rows.
        indexes = (
            models.Index(fields=["recorded_at"], name="audit_newest"),
            models.Index(fields=["txid", "id"], name="audit_seal_order"),
            models.Index(fields=["name", "recorded_at"], name="audit_by_name"),
            models.Index(fields=["actor", "recorded_at"], name="audit_by_actor"),
            models.Index(fields=["target_id", "recorded_at"], name="audit_by_target"),
            models.Index(
                fields=["request_id", "recorded_at"],
                name="audit_by_request",
                condition=~models.Q(request_id=""),
            ),
            models.Index(
                fields=["account_id", "recorded_at"],
                name="audit_by_account",
                condition=models.Q(account_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.id}"


class Subject(models.Model):
    """A person, known by a random id; the address is sealed and only its keyed hash is searchable.

    Erasure empties hash, key and address and leaves the row, which fences the id for ever.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    address_hash = models.BinaryField(max_length=32, null=True, unique=True)
    hash_key_id = models.CharField(max_length=16)
    # The address under the key of suppressions, so that the database itself can see a suppression.
    suppression_hash = models.BinaryField(max_length=32, null=True, unique=True)
    wrapped_key = models.BinaryField(null=True)
    wrapping_key_id = models.CharField(max_length=16)
    sealed_address = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subjects"
        constraints = (
            models.CheckConstraint(
                name="subject_whole_or_erased",
                condition=models.Q(
                    erased_at__isnull=True,
                    address_hash__isnull=False,
                    wrapped_key__isnull=False,
                    sealed_address__isnull=False,
                )
                | models.Q(
                    erased_at__isnull=False,
                    address_hash__isnull=True,
                    wrapped_key__isnull=True,
                    sealed_address__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="subject_suppression_findable",
                condition=models.Q(erased_at__isnull=True, suppression_hash__isnull=False)
                | models.Q(erased_at__isnull=False, suppression_hash__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class MonthKey(models.Model):
    """The data key of one month, for rows that no person is known for."""

    month = models.DateField(primary_key=True)
    wrapped_key = models.BinaryField(null=True)
    wrapping_key_id = models.CharField(max_length=16)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "month_keys"

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class ConsentRevision(models.Model):
    """One statement of a subject about a purpose and a channel; the newest number stands. Append-only."""

    class Status(models.TextChoices):
        """What the statement says."""

        GRANTED = "granted"
        PENDING = "pending_confirmation"
        REVOKED = "revoked"
        OPTED_OUT = "opted_out"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, db_index=False, related_name="+")
    purpose = models.CharField(max_length=32)
    channel = models.CharField(max_length=32)
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=24, choices=Status)
    lawful_basis = models.CharField(max_length=32)
    jurisdiction = models.CharField(max_length=8)
    subscriber_type = models.CharField(max_length=16, default=DEFAULT_SUBSCRIBER)
    notice_version = models.CharField(max_length=64)
    source = models.CharField(max_length=64)
    sealed_proof = models.BinaryField(null=True)
    captured_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    confirms = models.UUIDField(null=True)  # the pending revision that this one confirms
    actor = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    txid = models.BigIntegerField(db_default=CurrentTransactionId(), editable=False)

    class Meta:
        db_table = "consent_revisions"
        constraints = (
            models.UniqueConstraint(
                fields=["subject", "purpose", "channel", "number"], name="consent_revision_number"
            ),
            models.CheckConstraint(
                name="consent_expires_after_capture",
                condition=models.Q(expires_at__isnull=True)
                | models.Q(expires_at__gt=models.F("captured_at")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.status} {self.id}"


class Suppression(models.Model):
    """An address that must not be taken up again, kept as a keyed hash only."""

    class Reason(models.TextChoices):
        """Why the address is suppressed."""

        ERASED = "erased"
        OBJECTED = "objected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    address_hash = models.BinaryField(max_length=32)
    hash_key_id = models.CharField(max_length=16)
    reason = models.CharField(max_length=16, choices=Reason)
    created_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "suppressions"
        constraints = (
            models.UniqueConstraint(
                fields=["address_hash"],
                name="suppression_standing",
                condition=models.Q(lifted_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


# At the end, for those models point at the ones above by name; Django looks for models in this module only.
from compliance.breaches.models import Breach  # noqa: E402
from compliance.link_models import SubjectLink  # noqa: E402
from compliance.privacy.models import (  # noqa: E402
    ClusterMark,
    EscrowedKey,
    PrivacyCertificate,
    PrivacyExport,
    PrivacyRequest,
    PrivacyTarget,
    Restriction,
    RetentionSchedule,
)
