"""The peers' tables as Django sees them; `schema.sql` makes them."""

from django.db import models


class Signal(models.Model):
    """One row a signal."""

    id = models.UUIDField(primary_key=True)
    received_at = models.DateTimeField()
    occurred_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    external_id = models.CharField(max_length=500)
    account = models.JSONField()
    strength = models.FloatField()
    attributes = models.JSONField()

    class Meta:
        managed = False
        db_table = 'peer"."signals'
        app_label = "plain"

    def __str__(self) -> str:
        return str(self.id)


class AuditLog(models.Model):
    """One row a transition."""

    id = models.UUIDField(primary_key=True)
    recorded_at = models.DateTimeField()
    name = models.TextField()
    actor = models.TextField()
    target_type = models.TextField()
    target_id = models.TextField()
    request_id = models.TextField()
    payload = models.JSONField()

    class Meta:
        managed = False
        db_table = 'peer"."audit_logs'
        app_label = "plain"

    def __str__(self) -> str:
        return str(self.id)


class Token(models.Model):
    """A bearer token by its SHA-256."""

    digest = models.BinaryField(primary_key=True)
    actor = models.TextField()

    class Meta:
        managed = False
        db_table = 'peer"."tokens'
        app_label = "plain"

    def __str__(self) -> str:
        return self.actor


class Account(models.Model):
    """An account with its score as of a moment."""

    reference = models.CharField(max_length=200, primary_key=True)
    score = models.FloatField()
    scored_at = models.DateTimeField()
    signals = models.IntegerField()

    class Meta:
        managed = False
        db_table = 'peer"."accounts'
        app_label = "plain"

    def __str__(self) -> str:
        return self.reference
