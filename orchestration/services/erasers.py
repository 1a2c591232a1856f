"""What orchestration does when a person is erased; runs inside the erasure's transaction."""

from uuid import UUID

from django.utils import timezone

from orchestration.models import ActionRevision
from orchestration.services.requests import cancel_for_subject


def erase_drafts(subject_id: UUID) -> None:
    """Cancel what is open for the person and drop every text about them, salt included.

    The key that sealed them is gone already; dropping the ciphertext leaves nothing to wonder about.
    """
    cancel_for_subject(subject_id=subject_id, reason_code="erased", now=timezone.now())
    ActionRevision.objects.filter(action__subject_id=subject_id).update(sealed=None)
