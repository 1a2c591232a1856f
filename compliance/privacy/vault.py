"""India's Rule 8(3): a person's data is kept for a year after it was processed, out of everybody's reach.

The person is erased at once like any other; only the wrapped key is moved to a table that the application
can write and clear but not read. When the year is over the key is deleted there, too, and nothing is left.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from compliance.models import Subject
from compliance.privacy.deadlines import Term, local_day

REGIMES = frozenset({"dpdp"})
KEEP = Term(months=12)
NOTICE_AHEAD = timedelta(hours=48)  # Rule 8(2)
_DELETE = "DELETE FROM privacy_vault WHERE subject_id = %s"
# No RETURNING and no ON CONFLICT target read: the application has no right to see what lies there.
_INSERT = """
INSERT INTO privacy_vault (subject_id, wrapped_key, wrapping_key_id, shred_at) VALUES (%s, %s, %s, %s)
"""


def shred_date(*, now: datetime, jurisdiction: str) -> datetime:
    """Return when a key that is put away now may go: a year and a day later, UTC."""
    day = KEEP.after(local_day(now, jurisdiction)) + timedelta(days=1)
    return now + (day - local_day(now, jurisdiction))


@transaction.atomic
def escrow(*, subject_id: UUID, shred_at: datetime) -> bool:
    """Put the person's wrapped key away; False if it is gone already. Before the person is erased."""
    subject = Subject.objects.select_for_update().get(id=subject_id)
    if subject.wrapped_key is None:
        return False
    key = bytes(subject.wrapped_key)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [subject_id, key, subject.wrapping_key_id, shred_at])
    return True


@transaction.atomic
def destroy(*, subject_id: UUID) -> bool:
    """Delete the person's key from the vault for good; False if none was there."""
    with connection.cursor() as cursor:
        cursor.execute(_DELETE, [subject_id])
        return bool(cursor.rowcount)
