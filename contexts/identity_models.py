"""Merges as rows: which accounts or persons are held for one, since when, and what that replaced."""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q


class Kind(models.TextChoices):
    """What is merged."""

    ACCOUNT = "account"
    CONTACT = "contact"


class IdentityMerge(models.Model):
    """From `merged_at` until `undone_at` the one counts as the survivor; ids of accounts or of persons.

    `before` holds the score rows that the merge replaced, by account; `after` the versions it left.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    merged_id = models.UUIDField()
    survivor_id = models.UUIDField()
    link_id = models.UUIDField(null=True, help_text="Of contacts: the link between the persons.")
    source_signal_id = models.UUIDField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    actor = models.CharField(max_length=64)
    merged_at = models.DateTimeField()
    undone_by = models.CharField(max_length=64, blank=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "merged_id"], condition=Q(undone_at=None), name="merged_into_one"
            ),
            models.CheckConstraint(condition=~Q(merged_id=F("survivor_id")), name="merge_joins_two"),
        ]
        indexes = [
            models.Index(fields=["survivor_id"], name="merge_survivor"),
            models.Index(fields=["merged_id"], name="merge_merged"),
            models.Index(fields=["-merged_at", "-id"], name="merge_newest"),
        ]

    def __str__(self) -> str:
        return f"merge {self.pk}"


class MergeCandidate(models.Model):
    """Two accounts or persons that may be one; `due` ones were merged by a vendor and wait for the worker."""

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open"
        DUE = "due"
        MERGED = "merged"
        DISMISSED = "dismissed"
        FAILED = "failed"

    class Reason(models.TextChoices):
        """Why the two were put beside each other."""

        SHARED_REFERENCE = "shared_reference", "One signal named both"
        TWO_CRM_IDS = "two_crm_ids", "Two CRM ids share a reference"
        VENDOR = "vendor", "The source merged them"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    merged_id = models.UUIDField()
    survivor_id = models.UUIDField()
    reason = models.CharField(max_length=24, choices=Reason.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    error_code = models.CharField(max_length=32, blank=True)
    source_signal_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "merged_id", "survivor_id", "reason"],
                condition=Q(state__in=["open", "due", "dismissed"]),
                name="candidate_once",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], condition=Q(state="open"), name="candidate_open"),
            models.Index(fields=["created_at", "id"], condition=Q(state="due"), name="candidate_due"),
        ]

    def __str__(self) -> str:
        return f"candidate {self.pk}"
