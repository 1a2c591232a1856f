"""Keep what a webhook sent and nobody understood, so that nothing disappears."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from compliance import audit, subjects
from revctx.observability.context import get_request_id
from revctx.observability.metrics import SIGNALS_PROCESSED
from signals.identifiers import new_signal_id
from signals.models import QuarantinedPayload
from signals.normalization import source_label

log = structlog.get_logger(__name__)


@transaction.atomic
def quarantine(*, source: str, reason: str, payload: bytes, now: datetime) -> UUID:
    """Seal a payload under the month's key and record that it waits.

    `source` names the door that it came through; `reason` is a short word and carries nothing of the payload.
    """
    payload_id = new_signal_id(received_at=now)
    [sealed] = subjects.seal(items=[(None, payload, payload_id.bytes)], now=now)
    QuarantinedPayload.objects.create(
        id=payload_id,
        source=source,
        reason=reason,
        sealed=sealed,
        received_at=now,
        request_id=get_request_id(),
    )
    entry = audit.AuditEntry(
        name="signal.quarantined",
        actor=f"system:{source}-webhook",
        target_type="quarantine",
        target_id=str(payload_id),
        at=now,
        payload={"source": source, "reason": reason},
    )
    audit.record([entry])
    transaction.on_commit(lambda: _count(source, reason))
    return payload_id


def _count(source: str, reason: str) -> None:
    SIGNALS_PROCESSED.labels(source=source_label(source), type="other", status="quarantined").inc()
    log.info("signal.quarantined", source=source, reason=reason)
