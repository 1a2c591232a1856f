"""The door for Salesforce: signature first, then the body."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.doors import STANDARD_HEADERS, parse_body, read_body, refuse, verify_standard
from integrations.outcomes import Unmappable
from integrations.receipts import QuarantinedItem, StoredItem, WebhookReceipt
from integrations.salesforce.deliveries import quarantine_once
from integrations.salesforce.normalization import SOURCE, opportunity_to_draft
from integrations.salesforce.serializers import OpportunityUpdate
from integrations.standard_webhooks import InvalidSignature
from revctx.api.errors import Unavailable
from revctx.api.schemas import ErrorBody
from signals.normalization import InvalidDraft
from signals.services.ingest_groups import WaitedTooLong
from signals.services.ingest_one import ingest_signal
from signals.services.quarantine import quarantine

ACTOR = "system:salesforce-webhook"


class SalesforceWebhookView(APIView):
    """`/api/integrations/salesforce/webhook`."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        request=OpportunityUpdate,
        parameters=STANDARD_HEADERS,
        responses={202: WebhookReceipt, **dict.fromkeys((400, 401, 413, 415, 503), ErrorBody)},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Store an opportunity update; what can be read but not understood is kept in quarantine."""
        now = timezone.now()
        raw = read_body(request)
        webhook_id = _verified_id(request, raw, now)
        document = parse_body(request, raw)
        try:
            receipt = WebhookReceipt(signals=[_store(document, webhook_id, now)])
        except (Unmappable, InvalidDraft) as error:
            reason = error.reason if isinstance(error, Unmappable) else error.code
            payload_id = _quarantine(webhook_id, raw, reason=reason, now=now)
            receipt = WebhookReceipt(quarantined=[QuarantinedItem(id=payload_id, reason=reason)])
        return Response(receipt.printed(), status=202)


def _verified_id(request: Request, raw: bytes, now: datetime) -> str | None:
    """Return the id of a signed message, or None for an unsigned one where those are allowed.

    Raises:
        Unauthorized: unsigned, or signed wrongly.
    """
    try:
        return verify_standard(request, raw, secrets=settings.SALESFORCE_WEBHOOK_SECRETS, now=now)
    except InvalidSignature as error:
        raise refuse(request, SOURCE, error.code) from error


def _store(document: Any, webhook_id: str | None, now: datetime) -> StoredItem:
    """Store the signal of a body; webhooks that come at once share a commit.

    Raises:
        Unmappable, InvalidDraft: there is none.
        Unavailable: the database did not answer in time.
    """
    draft = opportunity_to_draft(document, webhook_id=webhook_id, now=now)
    try:
        result = ingest_signal(draft=draft, actor=ACTOR, now=now)
    except WaitedTooLong as error:
        raise Unavailable("busy", "The database is slow. Try again: no event is stored twice.") from error
    return StoredItem(id=result.signal_id, status=result.status)


def _quarantine(webhook_id: str | None, raw: bytes, *, reason: str, now: datetime) -> UUID:
    """Keep a body; one that was signed is kept once, for a replay carries the same id."""
    if webhook_id is None:
        return quarantine(source=SOURCE, reason=reason, payload=raw, now=now)
    delivery = f"webhook:{webhook_id}:{hashlib.sha256(raw).hexdigest()}"
    return quarantine_once(source=SOURCE, delivery=delivery, reason=reason, payload=raw, now=now)
