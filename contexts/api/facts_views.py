"""What the CRM or a person knows of a company."""

from typing import Any, Literal
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contexts import selectors
from contexts.api.asking import find_account
from contexts.quality import FIELDS
from contexts.services.facts import InvalidFacts, record_facts
from revctx.api.errors import Unprocessable
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, actor_of
from revctx.api.schemas import ErrorBody, RequestModel, ResponseModel

_REFUSALS = {400: ErrorBody, 401: ErrorBody, 403: ErrorBody, 404: ErrorBody, 422: ErrorBody}


class FactsRequest(RequestModel):
    """Facts and who says so."""

    source: Literal["crm", "user"]
    facts: dict[str, Any] = Field(
        min_length=1,
        description="industry, country: a text; employees, annual_revenue: a number; technologies: texts.",
    )


class FactsResponse(ResponseModel):
    """What counts for the account from now on."""

    account_id: UUID
    attributes: dict[str, Any]
    fit: float
    quality: float


class AccountFactsView(APIView):
    """`/api/accounts/{ref}/facts`."""

    permission_classes = [HasScope("accounts:write")]

    @extend_schema(request=FactsRequest, responses={200: FactsResponse, **_REFUSALS})
    def post(self, request: Request, ref: str) -> Response:
        """Record what the CRM or a person says of a company. It overrules what providers said."""
        body = validate(FactsRequest, request.data)
        account_id, now = find_account(ref), timezone.now()
        try:
            record_facts(
                account_id=account_id, source=body.source, facts=body.facts, actor=actor_of(request), now=now
            )
        except InvalidFacts as error:
            known = ", ".join(sorted(FIELDS))
            message = f"Nothing was stored. The facts are {known}; see fields for what does not fit."
            fields = {f"facts.{name}": "unknown, or of a wrong kind" for name in error.names}
            raise Unprocessable("invalid_facts", message, fields=fields) from error
        answer = FactsResponse(
            account_id=account_id,
            attributes=selectors.get_account(account_id).attributes,
            fit=selectors.get_score(account_id=account_id, as_of=now).fit,
            quality=selectors.get_quality(account_id=account_id, now=now).score,
        )
        return Response(answer.model_dump(mode="json"))
