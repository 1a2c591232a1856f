"""Tables between the store and Kafka, and between Kafka and the workers."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class CurrentTransactionId(models.Func):
    """`pg_current_xact_id()`: orders rows by the transactions that wrote them."""

    template = "pg_current_xact_id()"
    output_field = models.BigIntegerField()


class Xid8Field(models.Field):
    """PostgreSQL's 64-bit transaction id."""

    def db_type(self, connection: Any) -> str:
        """Return the column type."""
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        """Read the id as a number."""
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Write the id as text, the only form that casts to xid8."""
        return value if value is None or hasattr(value, "resolve_expression") else str(value)


class OutboxEvent(models.Model):
    """An event that its transaction wrote and that the relay hands to Kafka."""

    id = models.BigAutoField(primary_key=True)
    txid = Xid8Field(db_default=CurrentTransactionId(), editable=False)
    event_id = models.UUIDField()
    type = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    data = models.JSONField()
    request_id = models.CharField(max_length=128, blank=True)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_events"
        indexes = [
            models.Index(fields=["txid", "id"], name="outbox_relay_order"),
            models.Index(fields=["type", "created_at"], name="outbox_reconcile"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class RelayCursor(models.Model):
    """How far the relay has come, in the numbering of one cluster."""

    name = models.CharField(max_length=32, primary_key=True)
    system_identifier = models.CharField(max_length=32)
    txid = Xid8Field()
    last_id = models.BigIntegerField()
    moved_at = models.DateTimeField()

    class Meta:
        db_table = "relay_cursors"

    def __str__(self) -> str:
        return f"{self.name}: {self.txid}/{self.last_id}"


class WorkItem(models.Model):
    """One event that one group has to work off; done exactly once, in the effect's transaction."""

    class State(models.TextChoices):
        """Where an item stands."""

        OPEN = "open"
        DONE = "done"
        DEAD = "dead"

    id = models.BigAutoField(primary_key=True)
    group = models.CharField(max_length=64)
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    data = models.JSONField()
    request_id = models.CharField(max_length=128, blank=True)
    occurred_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN, db_default=State.OPEN)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        db_table = "work_items"
        constraints = [
            models.UniqueConstraint(fields=["group", "event_id"], name="one_item_a_group_and_event")
        ]
        indexes = [
            models.Index(fields=["group", "due_at", "id"], condition=Q(state="open"), name="work_items_due"),
            models.Index(fields=["group", "id"], condition=Q(state="dead"), name="work_items_dead"),
            models.Index(fields=["done_at"], condition=Q(state="done"), name="work_items_done"),
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.event_type} {self.event_id}"


class GroupState(models.Model):
    """A group: whether its bridges stand still on purpose, and up to where nothing is missing."""

    group = models.CharField(max_length=64, primary_key=True)
    paused_since = models.DateTimeField(null=True, blank=True)
    reconciled_txid = Xid8Field(default=0)
    reconciled_id = models.BigIntegerField(default=0)

    class Meta:
        db_table = "event_groups"

    def __str__(self) -> str:
        return self.group


class BridgeMember(models.Model):
    """One bridge process of a group: what it reads, and when it last found nothing left to read."""

    group = models.CharField(max_length=64)
    member = models.CharField(max_length=128)
    seen_at = models.DateTimeField()
    caught_up_at = models.DateTimeField(null=True)
    partitions = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "bridge_members"
        constraints = [models.UniqueConstraint(fields=["group", "member"], name="one_row_a_member")]

    def __str__(self) -> str:
        return f"{self.group} {self.member}"
