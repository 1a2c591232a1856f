"""Reads of the audit log."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from compliance.models import AuditLog


def list_audit_events(
    *,
    name: str | None = None,
    actor: str | None = None,
    target_id: str | None = None,
    request_id: str | None = None,
    account_id: UUID | None = None,
) -> QuerySet[AuditLog]:
    """Return audit events, newest first, narrowed by whatever is given."""
    given = {
        "name": name,
        "actor": actor,
        "target_id": target_id,
        "request_id": request_id,
        "account_id": account_id,
    }
    return AuditLog.objects.filter(**{field: value for field, value in given.items() if value is not None})
