"""Signals that were taken back, and the ledger without them."""

from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef


class Retraction(models.Model):
    """That a signal counts no longer, under any half-lives, from `retracted_at` on. Append-only."""

    class Reason(models.TextChoices):
        """Why."""

        MISTAKEN = "mistaken", "Never happened"
        TEST_DATA = "test_data", "Test data"
        WRONG_ACCOUNT = "wrong_account", "Belongs to another account"
        DUPLICATE = "duplicate", "Counted under another id, too"

    signal_id = models.UUIDField(primary_key=True)
    reason = models.CharField(max_length=16, choices=Reason)
    actor = models.CharField(max_length=64)
    retracted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"retraction of {self.signal_id}"


class CountedEntries(models.Manager[Any]):
    """The entries that still count: those whose signal was not retracted."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Leave out what was retracted."""
        retracted = Retraction.objects.filter(signal_id=OuterRef("signal_id"))
        return super().get_queryset().filter(~Exists(retracted))
