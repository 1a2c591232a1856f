"""What the connectors know of one person, for an export."""

from datetime import datetime
from typing import Any
from uuid import UUID

from integrations.models import KnownReference


def export_references(subject_id: UUID, actor: str, now: datetime) -> list[dict[str, Any]]:
    """Return in which sources a person has an id, and the account that the id belongs to."""
    rows = KnownReference.objects.filter(subject_id=subject_id).order_by("source", "id")
    return [{"source": row.source, "account": row.account, "since": row.subject_at} for row in rows]
