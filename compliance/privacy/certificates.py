"""The signed statement of what a completed request did, for the person and for an authority."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from compliance.models import AuditLog
from compliance.privacy import signing
from compliance.privacy.models import PrivacyCertificate, PrivacyRequest, PrivacyTarget
from compliance.sealing import tree

# Between the clock of a process, which says when a request came, and the database's, which dates rows.
CLOCK_SKEW = timedelta(days=1)
FORMAT = "revctx/privacy-certificate/1"


def issue(request: PrivacyRequest, *, now: datetime) -> PrivacyCertificate:
    """Sign what a request that is complete did; inside its transaction."""
    body = signing.canonical(_describe(request, now=now))
    return PrivacyCertificate.objects.create(
        request=request,
        body=body.decode(),
        signature=signing.sign(body),
        key_id=signing.get_key_id(),
        issued_at=now,
    )


def find_certificate(*, request_id: UUID) -> dict[str, Any] | None:
    """Return the certificate of a request as a document that can be checked without us, or None."""
    row = PrivacyCertificate.objects.filter(request_id=request_id).first()
    if row is None:
        return None
    return {
        "certificate": json.loads(row.body),
        "signature": {
            "algorithm": "Ed25519",
            "key_id": row.key_id,
            "public_key": signing.get_public_key() if row.key_id == signing.get_key_id() else None,
            "value": row.signature,
            "signed": "the certificate as JSON with sorted keys, without blanks, ASCII only",
        },
        "audit_proofs": _prove(json.loads(row.body)["audit_events"]),
    }


def _prove(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each row's proof of being in the newest sealed tree; one that is not sealed yet has none."""
    proofs = []
    for event in events:
        try:
            proofs.append(tree.prove_inclusion(event_id=UUID(event["id"])).describe())
        except tree.NotSealed:
            proofs.append({"event_id": event["id"], "checkpoint": None})
    return proofs


def _describe(request: PrivacyRequest, *, now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "request_id": str(request.id),
        "type": request.type,
        "jurisdiction": request.jurisdiction,
        "regime": request.regime,
        "subject_id": str(request.subject_id) if request.subject_id else None,
        "received_at": request.received_at.isoformat(),
        "verified_at": request.verified_at.isoformat() if request.verified_at else None,
        "verified_by": request.verified_by,
        "due_at": request.due_at.isoformat(),
        "completed_at": now.isoformat(),
        "targets": [_describe_target(target) for target in request.targets.order_by("name")],
        "audit_events": _list_audit_events(request),
    }


def _describe_target(target: PrivacyTarget) -> dict[str, Any]:
    return {
        "name": target.name,
        "kind": target.kind,
        "state": target.state,
        "attempts": target.attempts,
        "acknowledged_at": target.acknowledged_at.isoformat() if target.acknowledged_at else None,
    }


def _list_audit_events(request: PrivacyRequest) -> list[dict[str, Any]]:
    """Return the rows about the request, and the erasure's own, in the order they were written."""
    wanted = Q(target_id=str(request.id)) | Q(target_id=str(request.subject_id), name="subject.erased")
    rows = AuditLog.objects.filter(wanted, recorded_at__gte=request.received_at - CLOCK_SKEW)
    return [
        {"id": str(row.id), "name": row.name, "recorded_at": row.recorded_at.isoformat()}
        for row in rows.order_by("recorded_at", "id")
    ]
