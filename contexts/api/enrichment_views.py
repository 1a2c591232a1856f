"""What an account still lacks, and the cheapest way to learn it."""

from datetime import date, datetime
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contexts import selectors
from contexts.api.asking import find_account
from contexts.api.serializers import QualityResponse
from revctx.api.permissions import HasScope
from revctx.api.schemas import ErrorBody, ResponseModel


class FieldOfferResponse(ResponseModel):
    """A wanted attribute, and the cheapest provider that can fill it."""

    field: str
    gain: float
    expected_gain: float
    provider: str
    micro_dollars: int | None
    blocked: str


class EnrichmentCallResponse(ResponseModel):
    """One call that was made."""

    provider: str
    outcome: str
    micro_dollars: int
    at: datetime


class EnrichmentResponse(ResponseModel):
    """Quality, what is missing, what it costs, and this month's money."""

    account_id: UUID
    quality: QualityResponse
    cheapest: FieldOfferResponse | None
    missing: list[FieldOfferResponse]
    month: date | None
    spent_micro_dollars: int
    cap_micro_dollars: int
    calls: list[EnrichmentCallResponse]


class AccountEnrichmentView(APIView):
    """`/api/accounts/{ref}/enrichment`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(responses={200: EnrichmentResponse, 401: ErrorBody, 403: ErrorBody, 404: ErrorBody})
    def get(self, request: Request, ref: str) -> Response:
        """Return how well an account is known and what knowing more would cost."""
        found = selectors.get_enrichment(account_id=find_account(ref), now=timezone.now())
        offers = found.offers
        answer = EnrichmentResponse(
            account_id=found.account_id,
            quality=QualityResponse.model_validate(found.quality),
            cheapest=FieldOfferResponse.model_validate(offers.cheapest) if offers.cheapest else None,
            missing=[FieldOfferResponse.model_validate(offer) for offer in offers.fields],
            month=offers.month,
            spent_micro_dollars=offers.spent,
            cap_micro_dollars=offers.cap,
            calls=[EnrichmentCallResponse.model_validate(call) for call in offers.calls],
        )
        return Response(answer.model_dump(mode="json"))
