"""The door for Salesforce: signature first, then the body."""

import hashlib
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.salesforce.deliveries import quarantine_once
from integrations.salesforce.normalization import SOURCE, NotUnderstood, opportunity_to_draft
from integrations.salesforce.serializers import OpportunityUpdate, QuarantinedItem, StoredItem, WebhookReceipt
from integrations.standard_webhooks import InvalidSignature, SignatureHeaders, verify
from revctx.api.errors import PayloadTooLarge, Unauthorized, UnsupportedMediaType
from revctx.api.parsing import MAX_BYTES, parse_json
from revctx.api.schemas import ErrorBody
from signals.normalization import InvalidDraft
from signals.services.ingest import ingest_signals
from signals.services.quarantine import quarantine

log = structlog.get_logger(__name__)
ACTOR = "system:salesforce-webhook"
_HEADERS = [
    OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)
    for name, description in {
        "webhook-id": "Unique to the event; repeated on a retry.",
        "webhook-timestamp": "Unix seconds, at most 300 away from now.",
        "webhook-signature": "v1,<base64 HMAC-SHA256 of id.timestamp.body>; several, separated by spaces.",
    }.items()
]


class SalesforceWebhookView(APIView):
    """`/api/integrations/salesforce/webhook`."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        request=OpportunityUpdate,
        parameters=_HEADERS,
        responses={202: WebhookReceipt, 400: ErrorBody, 401: ErrorBody, 413: ErrorBody, 415: ErrorBody},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Store an opportunity update; what can be read but not understood is kept in quarantine."""
        now = timezone.now()
        raw = _read_body(request)
        webhook_id = _verified_id(request, raw, now)
        if request.content_type.partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType("unsupported_media_type", "The body must be application/json.")
        document = parse_json(raw)
        try:
            draft = opportunity_to_draft(document, webhook_id=webhook_id, now=now)
            [result] = ingest_signals(drafts=[draft], actor=ACTOR, now=now)
        except (NotUnderstood, InvalidDraft) as error:
            reason = error.reason if isinstance(error, NotUnderstood) else error.code
            payload_id = _quarantine(webhook_id, raw, reason=reason, now=now)
            receipt = WebhookReceipt(quarantined=[QuarantinedItem(id=payload_id, reason=reason)])
        else:
            receipt = WebhookReceipt(signals=[StoredItem(id=result.signal_id, status=result.status)])
        return Response(receipt.printed(), status=202)


def _quarantine(webhook_id: str | None, raw: bytes, *, reason: str, now: datetime) -> UUID:
    """Keep a body; one that was signed is kept once, for a replay carries the same id."""
    if webhook_id is None:
        return quarantine(source=SOURCE, reason=reason, payload=raw, now=now)
    delivery = f"webhook:{webhook_id}:{hashlib.sha256(raw).hexdigest()}"
    return quarantine_once(source=SOURCE, delivery=delivery, reason=reason, payload=raw, now=now)


def _read_body(request: Request) -> bytes:
    """Return the raw body, which the signature covers, or refuse it before reading it all."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdigit() or int(declared) > MAX_BYTES:
        raise PayloadTooLarge("payload_too_large", f"The body has more than {MAX_BYTES} bytes.")
    raw: bytes = request._request.body
    return raw


def _verified_id(request: Request, raw: bytes, now: datetime) -> str | None:
    """Return the id of a signed message, or None for an unsigned one where those are allowed.

    Raises:
        Unauthorized: unsigned, or signed wrongly.
    """
    headers = SignatureHeaders(
        id=request.headers.get("webhook-id", ""),
        timestamp=request.headers.get("webhook-timestamp", ""),
        signature=request.headers.get("webhook-signature", ""),
    )
    is_unsigned = not (headers.id or headers.timestamp or headers.signature)
    if is_unsigned and settings.ALLOW_UNSIGNED_WEBHOOKS:
        return None
    try:
        verify(headers=headers, body=raw, secrets=settings.SALESFORCE_WEBHOOK_SECRETS, now=now)
    except InvalidSignature as error:
        log.warning("webhook.refused", source=SOURCE, reason=error.code)
        raise Unauthorized("invalid_signature", "The webhook is not signed as it should be.") from error
    return headers.id
