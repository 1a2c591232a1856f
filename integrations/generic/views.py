"""The door for any JSON source: its own signature, then its own mapping."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.delivery import Delivery, deliver
from integrations.doors import STANDARD_HEADERS, parse_body, read_body, refuse, verify_standard
from integrations.generic.mapping import map_body
from integrations.generic.secrets import open_secrets
from integrations.models import MappedSource
from integrations.receipts import ConnectorReceipt
from integrations.selectors import find_source, mapping_of
from integrations.standard_webhooks import InvalidSignature
from revctx.api.schemas import ErrorBody

# Requests to addresses that do not exist are counted under this name, so that nobody can invent sources.
UNKNOWN = "unknown"


class GenericWebhookView(APIView):
    """`/api/integrations/generic/{slug}/webhook`."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        request=OpenApiTypes.ANY,
        parameters=[*STANDARD_HEADERS, OpenApiParameter("slug", str, OpenApiParameter.PATH)],
        responses={202: ConnectorReceipt, 400: ErrorBody, 401: ErrorBody, 413: ErrorBody, 415: ErrorBody},
        auth=[],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Store what the source's mapping makes of a body; what it does not fit is kept in quarantine."""
        now = timezone.now()
        raw = read_body(request)
        source = find_source(slug) if len(slug) <= 64 and "\x00" not in slug else None
        request._request.inbound_source = source.slug if source else UNKNOWN  # type: ignore[attr-defined]
        webhook_id = _verified_id(request, raw, source, now)
        assert source is not None  # an unknown one was refused as unsigned
        document: Any = parse_body(request, raw)
        mapped = map_body(mapping_of(source), document, webhook_id=webhook_id, now=now)
        receipt = deliver(Delivery(source.slug, [outcome for outcome, _ in mapped]), now=now)
        return Response(receipt.printed(), status=202)


def _verified_id(request: Request, raw: bytes, source: MappedSource | None, now: datetime) -> str | None:
    """Return the id of a signed message, or None for an unsigned one where those are allowed.

    Raises:
        Unauthorized: unsigned, signed wrongly, or for a source that is unknown or switched off; the answer
            is the same, so that nobody learns which sources there are.
    """
    if source is None or not source.enabled:
        raise refuse(request, UNKNOWN, "unknown_source")
    live = open_secrets(source.id, bytes(source.live_secrets))
    try:
        return verify_standard(request, raw, secrets=live, now=now)
    except InvalidSignature as error:
        raise refuse(request, source.slug, error.code) from error
