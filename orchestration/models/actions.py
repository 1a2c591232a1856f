"""An action, the texts it had, who decided on it, and what carrying it out came to."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from orchestration.policy import Kind, State

STATES = [(state.value, state.value) for state in State]
KINDS = [(kind.value, kind.value) for kind in Kind]
OPEN = [State.PENDING.value, State.APPROVED.value]


class Action(models.Model):
    """One thing we might do about one upward crossing of one account. Holds no personal data."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=KINDS)
    state = models.CharField(max_length=16, choices=STATES, default=State.PENDING.value)
    reason_code = models.CharField(max_length=48, blank=True)  # why it ended as it did
    version = models.PositiveIntegerField(default=1)  # rises with every move and edit
    account_id = models.UUIDField()
    contact_id = models.UUIDField(null=True)
    subject_id = models.UUIDField(null=True)
    crossing_id = models.UUIDField(unique=True)
    context_version = models.PositiveBigIntegerField()
    revision = models.PositiveIntegerField(default=1)
    content_hash = models.CharField(max_length=64)  # of the current revision
    pack = models.JSONField()  # ids and typed facts that the draft was made from
    pack_hash = models.CharField(max_length=64)
    intent = models.FloatField()  # 0–100, at drafting
    p_action = models.FloatField()
    p_draft = models.FloatField()
    basis = models.CharField(max_length=80)
    features = models.JSONField()
    warnings = models.PositiveSmallIntegerField(default=0)
    claimed_by = models.BigIntegerField(null=True)
    claim_expires_at = models.DateTimeField(null=True)
    execute_after = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "actions"
        indexes = [
            models.Index(fields=["account_id", "state", "-created_at"], name="actions_account_state"),
            models.Index(
                fields=["-intent", "id"], name="actions_pending_queue", condition=Q(state="pending")
            ),
            models.Index(
                fields=["execute_after", "id"], name="actions_approved_due", condition=Q(state="approved")
            ),
            models.Index(fields=["expires_at"], name="actions_open_expiry", condition=Q(state__in=OPEN)),
            models.Index(
                fields=["subject_id"], name="actions_subject", condition=Q(subject_id__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="email_has_subject", condition=~Q(kind="email") | Q(subject_id__isnull=False)
            ),
            models.CheckConstraint(
                name="confidence_in_range",
                condition=Q(p_action__gt=0, p_action__lt=1, p_draft__gt=0, p_draft__lt=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class ActionRevision(models.Model):
    """One text of an action, sealed under its reader's key together with the salt of its hash."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    sealed = models.BinaryField(null=True)  # null once the person was erased
    author_id = models.BigIntegerField(null=True)  # the user who edited; null = an agent
    agent_line = models.CharField(max_length=160)
    p_draft = models.FloatField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "action_revisions"
        constraints = [models.UniqueConstraint(fields=["action", "number"], name="revision_once")]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.action_id}"


class ActionMove(models.Model):
    """One move of an action; append-only."""

    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="moves")
    name = models.CharField(max_length=48)
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16)
    version = models.PositiveIntegerField()
    actor = models.CharField(max_length=64)
    reason_code = models.CharField(max_length=48, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "action_moves"
        constraints = [models.UniqueConstraint(fields=["action", "version"], name="one_move_per_version")]

    def __str__(self) -> str:
        return f"{self.name} of {self.action_id}"


class Approval(models.Model):
    """One human decision over exactly one text; append-only."""

    DECISIONS = [("approved", "approved"), ("rejected", "rejected"), ("undone", "undone")]

    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="approvals")
    revision = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    decision = models.CharField(max_length=16, choices=DECISIONS)
    user_id = models.BigIntegerField()
    reason_code = models.CharField(max_length=48, blank=True)
    sealed_note = models.BinaryField(null=True)
    consent_revision_id = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "approvals"
        indexes = [models.Index(fields=["action", "-id"], name="approvals_newest")]

    def __str__(self) -> str:
        return f"{self.decision} {self.action_id}"


class Execution(models.Model):
    """The one attempt to carry out an approved revision."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)  # also the idempotency key
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="executions")
    revision = models.PositiveIntegerField()
    approval = models.OneToOneField(Approval, on_delete=models.PROTECT)
    account_id = models.UUIDField()
    kind = models.CharField(max_length=16, choices=KINDS)
    state = models.CharField(max_length=16, choices=STATES, default=State.EXECUTING.value)
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=128, blank=True)
    error_code = models.CharField(max_length=48, blank=True)
    checks = models.PositiveIntegerField(default=0)  # times the provider was asked about it
    next_check_at = models.DateTimeField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "executions"
        indexes = [
            models.Index(
                fields=["account_id", "started_at"], name="executions_daily", condition=Q(kind="email")
            ),
            models.Index(
                fields=["next_check_at"],
                name="executions_open",
                condition=Q(state__in=["executing", "unknown"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["action", "revision"], name="one_execution_per_revision")
        ]

    def __str__(self) -> str:
        return f"execution {self.id}"
