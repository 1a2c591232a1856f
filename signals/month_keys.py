"""What of the signal store the key of a month still opens: rows of which no single person is known."""

from datetime import UTC, date, datetime, time, timedelta

from compliance.retention import holds_month
from signals.models import QuarantinedPayload, Signal

_MARGIN = timedelta(days=1)


def is_needed_by_signals(month: date) -> bool:
    """Return whether signals of a month, by its first day, need its key.

    A row is sealed under the month in which it was received, so other months' partitions are not read.
    """
    start = datetime.combine(month, time(), UTC)
    received = Signal.objects.filter(
        received_at__gte=start - _MARGIN, received_at__lt=start + timedelta(days=31) + _MARGIN
    )
    return holds_month(month, received.filter(subject_id=None), "sealed")


def is_needed_by_quarantine(month: date) -> bool:
    """Return whether bodies in quarantine, or their senders' ids, need the key of a month."""
    return holds_month(month, QuarantinedPayload.objects.all(), "sealed", "sealed_delivery")
