"""What a person's requests reach here: buckets, sealed names, and the scores that rested on them."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from contexts.cache import forget_copies
from contexts.families import find_roots
from contexts.models import AccountContext, Contact, ScoreBucket

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def erase_subject(subject_id: UUID) -> None:
    """Delete a person's buckets and sealed names, and make the accounts' stored scores due.

    Ledger rows keep the random id, which leads nowhere; every read of them skips it.
    """
    _make_due(subject_id)
    ScoreBucket.objects.filter(subject_id=subject_id).delete()
    Contact.objects.filter(subject_id=subject_id).update(sealed=None, title_class="unknown")


def stop_scoring(subject_id: UUID, reason: str, now: datetime) -> None:
    """Make the scores due in which a person counts; whoever is restricted is skipped by every read."""
    _make_due(subject_id)


def _make_due(subject_id: UUID) -> None:
    """Lock the accounts that the person belongs to, in order of id, and have them scored anew."""
    account_ids = {
        *ScoreBucket.objects.filter(subject_id=subject_id).values_list("account_id", flat=True),
        *Contact.objects.filter(subject_id=subject_id).values_list("account_id", flat=True),
    }
    account_ids |= set(find_roots(account_ids).values())
    locked = AccountContext.objects.filter(account_id__in=account_ids).order_by("account_id")
    list(locked.select_for_update(of=("self",), no_key=True).values_list("account_id"))
    locked.order_by().update(version=F("version") + 1, scored_at=_LONG_AGO)
    transaction.on_commit(lambda: forget_copies(account_ids))
