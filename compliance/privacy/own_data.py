"""What compliance itself holds about a person, for an export, and whom it came to know in a period."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from compliance.breaches.registry import between
from compliance.models import AuditLog, ConsentRevision, Subject
from compliance.privacy.models import PrivacyRequest, Restriction

_CONSENT = (
    "id", "purpose", "channel", "number", "status", "lawful_basis", "jurisdiction", "notice_version",
    "source", "captured_at", "expires_at",
)  # fmt: skip
_REQUEST = ("id", "type", "state", "jurisdiction", "received_at", "due_at", "closed_at")


def export_consent(subject_id: UUID, actor: str, now: datetime) -> list[dict[str, Any]]:
    """Return every statement of consent, the oldest first."""
    revisions = ConsentRevision.objects.filter(subject_id=subject_id).order_by("captured_at", "number")
    return list(revisions.values(*_CONSENT))


def export_requests(subject_id: UUID, actor: str, now: datetime) -> dict[str, Any]:
    """Return the person's requests, restrictions, and who looked at what is sealed, and when."""
    openings = AuditLog.objects.filter(target_id=str(subject_id), name="subject.opened")
    return {
        "requests": list(
            PrivacyRequest.objects.filter(subject_id=subject_id).order_by("received_at").values(*_REQUEST)
        ),
        "restrictions": list(
            Restriction.objects.filter(subject_id=subject_id).values("reason", "restricted_at", "lifted_at")
        ),
        "openings": list(openings.order_by("recorded_at").values("recorded_at", "actor", "payload__purpose")),
    }


def find_known(since: datetime | None, before: datetime) -> Iterable[UUID]:
    """Return who became known in a period."""
    rows = Subject.objects.filter(**between("created_at", since, before))
    return rows.values_list("id", flat=True).iterator()


def find_consents(since: datetime | None, before: datetime) -> Iterable[UUID]:
    """Return who stated a consent in a period."""
    rows = ConsentRevision.objects.filter(**between("recorded_at", since, before))
    return rows.values_list("subject_id", flat=True).distinct().iterator()


def find_requesters(since: datetime | None, before: datetime) -> Iterable[UUID]:
    """Return whose requests came in a period."""
    rows = PrivacyRequest.objects.filter(subject__isnull=False, **between("received_at", since, before))
    return rows.values_list("subject_id", flat=True).distinct().iterator()
