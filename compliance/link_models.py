"""That two persons on record are one."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q


class SubjectLink(models.Model):
    """From `linked_at` until `unlinked_at` the subject is held for the same person as the survivor."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject_id = models.UUIDField()
    survivor_id = models.UUIDField()
    actor = models.CharField(max_length=64)
    linked_at = models.DateTimeField()
    unlinked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subject_links"
        constraints = (
            models.UniqueConstraint(
                fields=["subject_id"], condition=Q(unlinked_at=None), name="subject_linked_once"
            ),
            models.CheckConstraint(condition=~Q(subject_id=F("survivor_id")), name="link_joins_two"),
        )
        indexes = (
            models.Index(fields=["survivor_id"], condition=Q(unlinked_at=None), name="link_survivor"),
            models.Index(fields=["subject_id", "linked_at"], name="link_history"),
        )

    def __str__(self) -> str:
        return str(self.id)
