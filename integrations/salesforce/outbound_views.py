"""The door for Salesforce's Outbound Messages: key first, then the envelope, `Ack` after the commit."""

import hmac
import math
from dataclasses import replace
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from integrations.doors import read_body
from integrations.outcomes import Unmappable
from integrations.salesforce.deliveries import list_defects, quarantine_once
from integrations.salesforce.normalization import SOURCE, opportunity_to_draft
from integrations.salesforce.soap import (
    ACKNOWLEDGEMENT,
    InvalidEnvelope,
    Notification,
    is_same_organization,
    read_envelope,
)
from revctx.api.errors import BadRequest, Forbidden, Unauthorized
from revctx.api.schemas import ErrorBody
from signals.contracts import SignalDraft
from signals.services.ingest import ingest_signals

log = structlog.get_logger(__name__)
ACTOR = "system:salesforce-outbound-messages"
MAX_BYTES = 5 * 1024 * 1024
_KEY = OpenApiParameter("key", str, OpenApiParameter.QUERY, description="One of SALESFORCE_OUTBOUND_KEYS.")


class OutboundMessagesView(APIView):
    """`/api/integrations/salesforce/outbound-messages`."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        operation_id="salesforce_outbound_messages",
        request={"text/xml": OpenApiTypes.STR},
        parameters=[_KEY],
        responses={
            (200, "text/xml"): OpenApiTypes.STR,
            **dict.fromkeys((400, 401, 403, 413), ErrorBody),
        },
        auth=[],
    )
    def post(self, request: Request) -> HttpResponse:
        """Store up to 100 notifications in one transaction and acknowledge them after it.

        Any answer but this one has Salesforce send the message again for 24 hours, so what can be read
        but not understood is kept in quarantine and acknowledged.
        """
        now = timezone.now()
        _check_key(request.query_params.get("key", ""))
        try:
            message = read_envelope(read_body(request, max_bytes=MAX_BYTES))
        except InvalidEnvelope as error:
            raise BadRequest("invalid_envelope", f"The body is no Outbound Message: {error}.") from error
        if not is_same_organization(message.organization_id, settings.SALESFORCE_ORGANIZATION_ID):
            log.warning("outbound_message.refused", reason="other_organization")
            raise Forbidden("other_organization", "The message comes from another organisation.")
        store_notifications(message.notifications, now=now)
        return HttpResponse(ACKNOWLEDGEMENT, content_type="text/xml; charset=UTF-8")


@transaction.atomic
def store_notifications(notifications: list[Notification], *, now: datetime) -> None:
    """Store what can be understood and quarantine the rest, all or none."""
    drafts: list[tuple[Notification, SignalDraft]] = []
    for notification in notifications:
        try:
            drafts.append((notification, notification_to_draft(notification, now=now)))
        except Unmappable as error:
            _quarantine(notification, error.reason, now)
    defects = list_defects(drafts=[draft for _, draft in drafts], now=now)
    for (notification, _), defect in zip(drafts, defects, strict=True):
        if defect:
            _quarantine(notification, defect, now)
    good = [draft for (_, draft), defect in zip(drafts, defects, strict=True) if not defect]
    ingest_signals(drafts=good, actor=ACTOR, now=now)


def notification_to_draft(notification: Notification, *, now: datetime) -> SignalDraft:
    """Return the draft of a notification; `now` stands in for a time that it does not give.

    Raises:
        Unmappable: with the reason.
    """
    if notification.kind != "Opportunity":
        raise Unmappable("unsupported_object")
    body: dict[str, str | float | None] = dict(notification.fields)
    amount = notification.fields.get("Amount")
    if amount:
        body["Amount"] = _read_number(amount)
    draft = opportunity_to_draft(body, webhook_id=None, now=now)
    return replace(draft, natural_key=f"notification:{notification.id}")


def _read_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise Unmappable("invalid_amount") from error
    if not math.isfinite(number):
        raise Unmappable("invalid_amount")
    return number


def _quarantine(notification: Notification, reason: str, now: datetime) -> None:
    quarantine_once(
        source=SOURCE,
        delivery=f"notification:{notification.id}",
        reason=reason,
        payload=notification.raw,
        now=now,
    )


def _check_key(given: str) -> None:
    """Refuse whoever does not know a key, before anything is read.

    Raises:
        Unauthorized: wrong key, none given, or the door is not set up.
    """
    keys = settings.SALESFORCE_OUTBOUND_KEYS
    is_open = settings.ALLOW_UNSIGNED_WEBHOOKS and not keys
    matches = [hmac.compare_digest(given.encode(), key.encode()) for key in keys]
    if not (is_open or any(matches)):
        log.warning("outbound_message.refused", reason="wrong_key")
        raise Unauthorized("invalid_key", "The address carries no key that is known here.")
