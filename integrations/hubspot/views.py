"""The door for HubSpot: signature first, then the events."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.delivery import Delivery, deliver
from integrations.doors import parse_body, read_body, refuse
from integrations.hubspot.normalization import SOURCE
from integrations.hubspot.services import read_events
from integrations.hubspot.signature import SignedRequest, verify
from integrations.receipts import ConnectorReceipt
from integrations.standard_webhooks import InvalidSignature
from revctx.api.errors import BadRequest
from revctx.api.schemas import ErrorBody

MAX_EVENTS = 1000  # HubSpot sends at most 100
_HEADERS = [
    OpenApiParameter(
        "X-HubSpot-Signature-v3",
        str,
        OpenApiParameter.HEADER,
        description="Base64 HMAC-SHA256 of method, address, body and timestamp.",
    ),
    OpenApiParameter(
        "X-HubSpot-Request-Timestamp",
        str,
        OpenApiParameter.HEADER,
        description="Unix milliseconds, at most 300,000 away from now.",
    ),
]


class HubSpotWebhookView(APIView):
    """`/api/integrations/hubspot/webhook`."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        request=OpenApiTypes.ANY,
        parameters=_HEADERS,
        responses={202: ConnectorReceipt, 400: ErrorBody, 401: ErrorBody, 413: ErrorBody, 415: ErrorBody},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Store the events of a request; what can be read but not understood is kept in quarantine."""
        now = timezone.now()
        raw = read_body(request)
        _check_signature(request, raw, now)
        events = _list_events(parse_body(request, raw))
        outcomes = read_events(events, now=now)
        return Response(deliver(Delivery(SOURCE, outcomes), now=now).printed(), status=202)


def _check_signature(request: Request, raw: bytes, now: datetime) -> None:
    """Let a signed request in, and an unsigned one where those are allowed.

    Raises:
        Unauthorized: unsigned, or signed wrongly.
    """
    signature = request.headers.get("X-HubSpot-Signature-v3", "")
    timestamp = request.headers.get("X-HubSpot-Request-Timestamp", "")
    if not (signature or timestamp) and settings.ALLOW_UNSIGNED_WEBHOOKS:
        return
    signed = SignedRequest(str(request.method), _called_uri(request), raw, timestamp)
    try:
        verify(signed, signature=signature, secrets=settings.HUBSPOT_WEBHOOK_SECRETS, now=now)
    except InvalidSignature as error:
        raise refuse(request, SOURCE, error.code) from error


def _called_uri(request: Request) -> str:
    """Return the address as HubSpot called it; behind a proxy only PUBLIC_URL knows its first half."""
    query = request.META.get("QUERY_STRING", "")
    return f"{settings.PUBLIC_URL}{request.path}" + (f"?{query}" if query else "")


def _list_events(document: Any) -> list[Any]:
    if not isinstance(document, list) or len(document) > MAX_EVENTS:
        raise BadRequest("not_an_array", f"HubSpot sends an array of at most {MAX_EVENTS} events.")
    return document
