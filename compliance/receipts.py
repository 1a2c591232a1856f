"""Consent receipts: what a person agreed to, with whom and until when, signed.

The same statement always gives the same receipt, byte by byte: nothing in it moves with time.

Source: ISO/IEC TS 27560:2023, clause 6 (record) and 7 (receipt); Kantara Consent Receipt 1.1.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django.conf import settings

from compliance import signing
from compliance.jurisdictions import find_jurisdiction
from compliance.models import ConsentRevision

SCHEMA_VERSION = "ISO-IEC-TS-27560:2023"
# Receipt ids are derived, so that asking twice gives the same receipt.
_NAMESPACE = UUID("6f1d3f0e-64c8-5b0e-9d0a-0c0a5ad7c9a1")
_PERSONAL_DATA = {
    "outreach": ("e-mail address", "name", "job title", "buying signals"),
    "enrichment": ("name", "job title", "employer"),
    "analytics": ("buying signals",),
    "sale_sharing": ("e-mail address", "buying signals"),
}
_RIGHTS = ("access", "rectification", "erasure", "restriction", "portability", "objection", "withdrawal")


class UnknownRevision(LookupError):
    """There is no such statement."""


def make_receipt(*, revision_id: UUID) -> dict[str, Any]:
    """Return the signed receipt of one statement, with the events that led to it.

    Raises:
        UnknownRevision: there is no such statement.
    """
    revision = ConsentRevision.objects.filter(id=revision_id).first()
    if revision is None:
        raise UnknownRevision("no such statement")
    earlier = ConsentRevision.objects.filter(
        subject_id=revision.subject_id,
        purpose=revision.purpose,
        channel=revision.channel,
        number__lte=revision.number,
    ).order_by("number")
    return signing.sign_document(
        {
            "schema_version": SCHEMA_VERSION,
            "receipt_id": str(uuid5(_NAMESPACE, str(revision.id))),
            "record_id": str(revision.id),
            "pii_principal_id": str(revision.subject_id),
            "timestamp": revision.captured_at.isoformat(),
            "language": "en",
            "privacy_notice": {"version": revision.notice_version, "language": "en"},
            "party_identification": [_controller()],
            "pii_processing": [_processing(revision)],
            "consent_status": str(revision.status),
            "events": [_event(row) for row in earlier],
        }
    )


def _controller() -> dict[str, Any]:
    return {
        "party_id": "controller",
        "party_role": "pii_controller",
        "party_name": settings.CONTROLLER_NAME or None,
        "party_url": settings.PUBLIC_URL,
    }


def _processing(revision: ConsentRevision) -> dict[str, Any]:
    return {
        "purpose": revision.purpose,
        "channel": revision.channel,
        "lawful_basis": revision.lawful_basis,
        "pii_information": [{"pii_type": kind} for kind in _PERSONAL_DATA[revision.purpose]],
        "pii_controllers": ["controller"],
        "collection_method": revision.source,
        "jurisdiction": revision.jurisdiction,
        "subscriber_type": revision.subscriber_type,
        "applicable_law": _law(revision),
        "expiry": revision.expires_at.isoformat() if revision.expires_at else None,
        "confirmed_at": revision.confirmed_at.isoformat() if revision.confirmed_at else None,
        "withdrawal_method": f"{settings.PUBLIC_URL}/api/consent/revoke, or the link in every letter",
        "privacy_rights": list(_RIGHTS),
        "recipient_third_parties": [],
    }


def _law(revision: ConsentRevision) -> str | None:
    """Return the regime; the policy row may be edited later and is not part of what the person was told."""
    place = find_jurisdiction(revision.jurisdiction)
    return place.regime if place else None


def _event(revision: ConsentRevision) -> dict[str, Any]:
    return {
        "event_id": str(revision.id),
        "event_type": str(revision.status),
        "event_time": revision.captured_at.isoformat(),
        "event_source": revision.source,
        "entity_id": "controller" if revision.actor.startswith("user:") else "pii_principal",
        "validity_until": revision.expires_at.isoformat() if revision.expires_at else None,
    }
