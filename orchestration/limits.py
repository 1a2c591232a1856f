"""How many e-mails an account may get a day, counted under a lock when one is about to go."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from orchestration.models import Execution
from orchestration.policy import COUNTED_STATES, Kind


def lock_daily_limit(account_id: UUID) -> None:
    """Let one transaction at a time count and start e-mails of an account."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"orchestration.daily:{account_id}"]
        )


def count_sent_today(account_id: UUID, *, now: datetime) -> int:
    """Count the e-mails of an account's day (UTC) that went out or may have gone out."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Execution.objects.filter(
        account_id=account_id,
        kind=Kind.EMAIL.value,
        started_at__gte=midnight,
        state__in=[state.value for state in COUNTED_STATES],
    ).count()
