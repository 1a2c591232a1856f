"""Table of breaches."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.breaches.rules import NATURES, RISKS


class Breach(models.Model):
    """One breach of personal data. Codes, times and a summary that names nobody."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    summary = models.CharField(max_length=1000)
    nature = models.CharField(max_length=16, choices=[(code, code) for code in NATURES])
    risk = models.CharField(max_length=16, choices=[(code, code) for code in RISKS])
    # Names of places of the data map that were reached, and when what was reached had been recorded.
    places = ArrayField(models.CharField(max_length=64))
    recorded_from = models.DateTimeField(null=True)
    recorded_until = models.DateTimeField()
    aware_at = models.DateTimeField()
    authority_due_at = models.DateTimeField()
    authority_notified_at = models.DateTimeField(null=True)
    authority_code = models.CharField(max_length=32, blank=True)
    persons_told_at = models.DateTimeField(null=True)
    persons_code = models.CharField(max_length=32, blank=True)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "breaches"
        ordering = ("-aware_at", "-id")
        verbose_name_plural = "breaches"
        indexes = (models.Index(fields=["-aware_at", "-id"], name="breaches_newest"),)
        constraints = (
            models.CheckConstraint(
                name="breach_period",
                condition=models.Q(recorded_from__isnull=True)
                | models.Q(recorded_from__lt=models.F("recorded_until")),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)
