"""What of the actions the key of a month still opens: texts and notes that address nobody."""

from datetime import date

from compliance.retention import holds_month
from orchestration.models import ActionRevision, Approval


def is_needed_by_drafts(month: date) -> bool:
    """Return whether texts need the key of a month, given by its first day."""
    return holds_month(month, ActionRevision.objects.filter(action__subject_id=None), "sealed")


def is_needed_by_notes(month: date) -> bool:
    """Return whether reviewers' notes need the key of a month; they are kept, so it then stays."""
    return holds_month(month, Approval.objects.filter(action__subject_id=None), "sealed_note")
