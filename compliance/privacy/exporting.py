"""Everything that is held about a person, gathered from the apps that registered an exporter."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from compliance import subjects
from compliance.privacy import registry
from compliance.privacy.models import PrivacyExport, PrivacyRequest
from compliance.privacy.moves import ACTOR, record

FORMAT = "revctx/privacy-export/1"
PURPOSE = "privacy_export"
KEEP = timedelta(days=30)


class ExportUnavailable(LookupError):
    """There is no export: not made yet, expired, or gone with the person."""


def gather(*, subject_id: UUID, request_id: UUID, actor: str, now: datetime) -> dict[str, Any]:
    """Return what every app holds about a person, as JSON; audited by what is opened."""
    addresses = subjects.get_address(subject_ids=[subject_id], actor=actor, purpose=PURPOSE, now=now)
    sections = {name: registry.exporters[name](subject_id, actor, now) for name in sorted(registry.exporters)}
    return {
        "format": FORMAT,
        "request_id": str(request_id),
        "subject_id": str(subject_id),
        "generated_at": now.isoformat(),
        "address": addresses.get(subject_id, ""),
        "sections": sections,
    }


def store_export(request: PrivacyRequest, now: datetime) -> None:
    """Gather and keep an export for 30 days, sealed under the person's own key.

    Raises:
        SubjectErased: the person was erased meanwhile.
    """
    assert request.subject_id is not None
    document = gather(subject_id=request.subject_id, request_id=request.id, actor=ACTOR, now=now)
    text = json.dumps(document, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
    item = (request.subject_id, text, request.id.bytes)
    sealed = subjects.seal(items=[item], now=now)[0]
    fields = {"sealed": sealed, "created_at": now, "expires_at": now + KEEP}
    PrivacyExport.objects.update_or_create(request=request, defaults=fields)


@transaction.atomic
def open_export(*, request: PrivacyRequest, actor: str, now: datetime) -> dict[str, Any]:
    """Return a stored export; audited.

    Raises:
        ExportUnavailable: see there.
    """
    row = PrivacyExport.objects.filter(request=request, expires_at__gt=now).first()
    if row is None:
        raise ExportUnavailable(str(request.id))
    item = (request.subject_id, bytes(row.sealed), request.id.bytes)
    [opened] = subjects.open_sealed(items=[item], actor=actor, purpose=PURPOSE, now=now)
    if opened is None:
        raise ExportUnavailable(str(request.id))
    record(request, "privacy_request.exported", actor=actor, now=now)
    document: dict[str, Any] = json.loads(opened)
    return document
