"""The door for Segment: signature first, then the messages."""

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
from integrations.receipts import ConnectorReceipt
from integrations.segment.normalization import SOURCE
from integrations.segment.services import read_messages
from integrations.segment.signature import verify
from integrations.standard_webhooks import InvalidSignature
from revctx.api.errors import PayloadTooLarge
from revctx.api.schemas import ErrorBody

MAX_BYTES = 1024 * 1024
MAX_MESSAGES = 1000
_HEADERS = [
    OpenApiParameter(
        "x-signature", str, OpenApiParameter.HEADER, description="HMAC-SHA1 of the whole body, in hex."
    )
]


class SegmentWebhookView(APIView):
    """`/api/integrations/segment/webhook`."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        request=OpenApiTypes.ANY,
        parameters=_HEADERS,
        responses={202: ConnectorReceipt, 400: ErrorBody, 401: ErrorBody, 413: ErrorBody, 415: ErrorBody},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Store one message, an array of them, or `{"batch": […]}`."""
        now = timezone.now()
        raw = read_body(request, max_bytes=MAX_BYTES)
        _check_signature(request, raw)
        messages = _list_messages(parse_body(request, raw, max_bytes=MAX_BYTES))
        outcomes = read_messages(messages, now=now)
        return Response(deliver(Delivery(SOURCE, outcomes), now=now).printed(), status=202)


def _check_signature(request: Request, raw: bytes) -> None:
    """Let a signed request in, and an unsigned one where those are allowed.

    Raises:
        Unauthorized: unsigned, or signed wrongly.
    """
    signature = request.headers.get("x-signature", "")
    if not signature and settings.ALLOW_UNSIGNED_WEBHOOKS:
        return
    try:
        verify(raw, signature=signature, secrets=settings.SEGMENT_WEBHOOK_SECRETS)
    except InvalidSignature as error:
        raise refuse(request, SOURCE, error.code) from error


def _list_messages(document: Any) -> list[Any]:
    if isinstance(document, dict) and isinstance(document.get("batch"), list):
        document = document["batch"]
    messages = document if isinstance(document, list) else [document]
    if len(messages) > MAX_MESSAGES:
        raise PayloadTooLarge("too_many_messages", f"At most {MAX_MESSAGES} messages are taken at once.")
    return messages
