"""Tables of privacy requests."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from compliance.privacy.states import OPEN, RequestType, State

STATES = [(state.value, state.value) for state in State]
TYPES = [(kind.value, kind.value) for kind in RequestType]
OPEN_STATES = sorted(state.value for state in OPEN - {State.RECEIVED})
RUNNABLE = [State.APPROVED, State.EXECUTING, State.AWAITING_CONNECTOR, State.ERROR]


class PrivacyRequest(models.Model):
    """One person's request about their own data; ``sealed_details`` under the person's key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=16, choices=TYPES)
    state = models.CharField(max_length=24, choices=STATES, default=State.RECEIVED.value)
    held_from = models.CharField(max_length=24, blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    jurisdiction = models.CharField(max_length=8)
    regime = models.CharField(max_length=16)
    # Null: nothing was known by that address, and it is suppressed, so nothing may be.
    subject = models.ForeignKey("compliance.Subject", models.PROTECT, null=True, related_name="+")
    duplicate_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    verified_by = models.CharField(max_length=64, blank=True)
    sealed_details = models.BinaryField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    received_at = models.DateTimeField()
    confirm_by = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    extension_reason = models.CharField(max_length=32, blank=True)
    verified_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    shred_at = models.DateTimeField(null=True)
    pre_erasure_notice_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "privacy_requests"
        ordering = ("due_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["subject", "type"],
                name="privacy_request_open_once",
                condition=Q(state__in=OPEN_STATES),
            ),
        )
        indexes = (
            models.Index(
                fields=["next_attempt_at"],
                name="privacy_requests_runnable",
                condition=Q(state__in=[state.value for state in RUNNABLE]),
            ),
            models.Index(fields=["-received_at", "-id"], name="privacy_requests_newest"),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class PrivacyTarget(models.Model):
    """One place that a request must reach, and whether it has said that it was."""

    class State(models.TextChoices):
        """How far it is."""

        PENDING = "pending"
        ACKNOWLEDGED = "acknowledged"
        FAILED = "failed"

    class Kind(models.TextChoices):
        """Whether it is ours, reached in our transaction, or another's, reached by its interface."""

        INTERNAL = "internal"
        CONNECTOR = "connector"

    request = models.ForeignKey(PrivacyRequest, models.PROTECT, related_name="targets")
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "privacy_targets"
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=["request", "name"], name="privacy_target_once"),)

    def __str__(self) -> str:
        return f"{self.name} {self.state}"


class PrivacyExport(models.Model):
    """What an access or portability request gave, sealed under the person's key until it expires."""

    request = models.OneToOneField(PrivacyRequest, models.PROTECT, primary_key=True, related_name="export")
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "privacy_exports"

    def __str__(self) -> str:
        return str(self.request_id)


class PrivacyCertificate(models.Model):
    """The signed statement of what a completed request did. Append-only."""

    request = models.OneToOneField(
        PrivacyRequest, models.PROTECT, primary_key=True, related_name="certificate"
    )
    body = models.TextField()
    signature = models.CharField(max_length=128)
    key_id = models.CharField(max_length=16)
    issued_at = models.DateTimeField()

    class Meta:
        db_table = "privacy_certificates"

    def __str__(self) -> str:
        return str(self.request_id)


class Restriction(models.Model):
    """A person whose data is stored and nothing else; one standing row a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey("compliance.Subject", models.PROTECT, db_index=False, related_name="+")
    reason = models.CharField(max_length=16)
    restricted_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "privacy_restrictions"
        constraints = (
            models.UniqueConstraint(
                fields=["subject"], name="restriction_standing", condition=Q(lifted_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class RetentionSchedule(models.Model):
    """How long one class of data is kept. Editable in the admin; each change is audited."""

    data_class = models.CharField(max_length=32, primary_key=True)
    keep_days = models.PositiveIntegerField(help_text="Days. What is older goes at the next daily run.")
    reason = models.CharField(max_length=200)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "retention_schedules"
        ordering = ("data_class",)
        constraints = (
            models.CheckConstraint(name="retention_at_least_a_day", condition=Q(keep_days__gte=1)),
        )

    def __str__(self) -> str:
        return f"{self.data_class}: {self.keep_days} days"


class EscrowedKey(models.Model):
    """A person's wrapped key, kept where a law forbids to destroy it yet.

    The application may put one in and delete it, but has no right to read it.
    """

    subject_id = models.UUIDField(primary_key=True)
    wrapped_key = models.BinaryField()
    wrapping_key_id = models.CharField(max_length=16)
    shred_at = models.DateTimeField()

    class Meta:
        db_table = "privacy_vault"

    def __str__(self) -> str:
        return str(self.subject_id)


class ClusterMark(models.Model):
    """The database cluster on which the journal of erasures was last applied; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    cluster = models.CharField(max_length=64)
    applied_at = models.DateTimeField()

    class Meta:
        db_table = "privacy_cluster_mark"

    def __str__(self) -> str:
        return self.cluster
