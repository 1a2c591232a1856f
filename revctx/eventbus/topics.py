"""Names of the topics; an event's type is its topic."""

SIGNAL_INGESTED = "signal.ingested"
CONTEXT_UPDATED = "context.updated"
ACTION_PROPOSED = "action.proposed"
ACTION_APPROVED = "action.approved"
ACTION_REJECTED = "action.rejected"
ACTION_EXECUTED = "action.executed"
CONSENT_CHANGED = "consent.changed"
SUBJECT_ERASED = "subject.erased"
AUDIT_CHECKPOINT = "audit.checkpoint"
AUDIT_LEAF = "audit.leaf"

TOPICS = (
    SIGNAL_INGESTED,
    CONTEXT_UPDATED,
    ACTION_PROPOSED,
    ACTION_APPROVED,
    ACTION_REJECTED,
    ACTION_EXECUTED,
    CONSENT_CHANGED,
    SUBJECT_ERASED,
    AUDIT_CHECKPOINT,
    AUDIT_LEAF,
)
