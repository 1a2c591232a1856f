"""What an erasure reaches here: buckets, sealed names, and the scores that rested on them."""

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import F

from contexts.models import AccountContext, Contact, ScoreBucket

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def erase_subject(subject_id: UUID) -> None:
    """Delete a person's buckets and sealed names, and make the accounts' stored scores due.

    Ledger rows keep the random id, which leads nowhere; every read of them skips it.
    """
    buckets = ScoreBucket.objects.filter(subject_id=subject_id)
    contacts = Contact.objects.filter(subject_id=subject_id)
    account_ids = {
        *buckets.values_list("account_id", flat=True),
        *contacts.values_list("account_id", flat=True),
    }
    locked = AccountContext.objects.filter(account_id__in=account_ids).order_by("account_id")
    list(locked.select_for_update(of=("self",), no_key=True).values_list("account_id"))
    buckets.delete()
    contacts.update(sealed=None, title_class="unknown")
    locked.order_by().update(version=F("version") + 1, scored_at=_LONG_AGO)
