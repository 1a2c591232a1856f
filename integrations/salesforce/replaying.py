"""Map quarantined Salesforce payloads again, each as its door does; the delivery tells which one that was."""

from typing import Any

from integrations.outcomes import Unmappable
from integrations.salesforce.changes.mapping import OPPORTUNITY, map_change, read_header
from integrations.salesforce.models import OpportunityAccount
from integrations.salesforce.normalization import opportunity_to_draft
from integrations.salesforce.outbound_views import notification_to_draft
from integrations.salesforce.soap import InvalidEnvelope, read_notification
from revctx.api.errors import BadRequest
from revctx.api.parsing import parse_json
from signals.contracts import SignalDraft
from signals.services.quarantine_mappers import NotMappable, QuarantinedDelivery


def map_quarantined(delivery: QuarantinedDelivery) -> list[SignalDraft]:
    """Return the drafts that the payload's door would make of it today.

    Raises:
        NotMappable: none can be made of it.
    """
    try:
        if delivery.delivery.startswith("notification:"):
            notification = read_notification(delivery.payload)
            return [notification_to_draft(notification, now=delivery.received_at)]
        document = parse_json(delivery.payload)
        if isinstance(document, dict) and "ChangeEventHeader" in document:
            return _map_change(document)
        if delivery.delivery.startswith("hole:"):
            raise Unmappable("position_lost")
        webhook_id = _webhook_id(delivery.delivery)
        return [opportunity_to_draft(document, webhook_id=webhook_id, now=delivery.received_at)]
    except Unmappable as error:
        raise NotMappable(error.reason) from error
    except (InvalidEnvelope, BadRequest) as error:
        raise NotMappable("unreadable") from error


def _map_change(payload: dict[str, Any]) -> list[SignalDraft]:
    header = read_header(payload)
    if header.entity != OPPORTUNITY or header.is_ours:
        return []
    known = OpportunityAccount.objects.filter(opportunity_id__in=header.record_ids)
    accounts = dict(known.values_list("opportunity_id", "account_id"))
    return map_change(header, payload, accounts=accounts)


def _webhook_id(delivery: str) -> str | None:
    """Return the id of a signed webhook, which is kept as `webhook:<id>:<digest of the body>`."""
    kind, _, rest = delivery.partition(":")
    return rest.rpartition(":")[0] if kind == "webhook" else None
