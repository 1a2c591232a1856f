"""What an erasure reaches among the requests themselves."""

from uuid import UUID

from compliance.privacy.models import PrivacyExport, PrivacyRequest


def erase_requests(subject_id: UUID) -> None:
    """Delete the person's exports and the details of their requests; the requests stay, with ids only.

    CCPA regulations § 7101 want them kept for 24 months.
    """
    PrivacyExport.objects.filter(request__subject_id=subject_id).delete()
    PrivacyRequest.objects.filter(subject_id=subject_id).update(sealed_details=None)
