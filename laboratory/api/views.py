"""Endpoints of the laboratory."""

from collections.abc import Callable
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from laboratory import selectors
from laboratory.api.serializers import (
    ComparisonBody,
    EmptyRequest,
    ExperimentBody,
    ExperimentRequest,
    PromotionBody,
    PromotionRequest,
    RunBody,
)
from laboratory.models import Promotion
from laboratory.services import experiments, promotions
from revctx.api.errors import Conflict, Unauthorized
from revctx.api.pagination import CursorPage
from revctx.api.parsing import validate
from revctx.api.permissions import HasScope, MethodScope
from revctx.api.schemas import ErrorBody

_REFUSALS = {400: ErrorBody, 401: ErrorBody, 403: ErrorBody, 404: ErrorBody, 409: ErrorBody, 422: ErrorBody}
_PAGING = [OpenApiParameter("limit", OpenApiTypes.INT), OpenApiParameter("cursor", OpenApiTypes.STR)]


def _user_id(request: Request) -> int:
    if request.user.pk is None:
        raise Unauthorized("unauthorized", "Sign in, or send a bearer token.")
    return request.user.pk


class ExperimentPage(CursorPage):
    """The newest first."""

    ordering = ("-created_at", "-id")


class ExperimentListView(APIView):
    """`/api/laboratory/experiments`."""

    permission_classes = [MethodScope(get="lab:read", post="lab:write")]

    @extend_schema(request=ExperimentRequest, responses={201: ExperimentBody, **_REFUSALS})
    def post(self, request: Request) -> Response:
        """Define an experiment: the active configuration against a challenger."""
        draft = validate(ExperimentRequest, request.data).to_draft()
        experiment = experiments.create_experiment(draft=draft, user_id=_user_id(request), now=timezone.now())
        return Response(ExperimentBody.of(experiment).model_dump(mode="json"), status=201)

    @extend_schema(parameters=_PAGING, responses={200: OpenApiResponse(ExperimentBody), **_REFUSALS})
    def get(self, request: Request) -> Response:
        """List experiments, newest first."""
        pages = ExperimentPage()
        page = pages.paginate_queryset(selectors.list_experiments(), request, view=self) or []
        return pages.get_paginated_response([ExperimentBody.of(row).model_dump(mode="json") for row in page])


class RunView(APIView):
    """`/api/laboratory/experiments/{id}/run`."""

    permission_classes = [HasScope("lab:write")]

    @extend_schema(request=EmptyRequest, responses={202: RunBody, **_REFUSALS})
    def post(self, request: Request, experiment_id: UUID) -> Response:
        """Queue a run; a run that is open already is returned as it is."""
        validate(EmptyRequest, request.data)
        run = experiments.request_run(
            experiment_id=experiment_id, user_id=_user_id(request), now=timezone.now()
        )
        return Response(RunBody.of(run).model_dump(mode="json"), status=202)


class CompareView(APIView):
    """`/api/laboratory/experiments/{id}/compare`."""

    permission_classes = [HasScope("lab:read")]

    @extend_schema(responses={200: ComparisonBody, **_REFUSALS})
    def get(self, request: Request, experiment_id: UUID) -> Response:
        """Return what the newest run has found, or how far it is."""
        experiment = selectors.get_experiment(experiment_id)
        run = selectors.find_newest_run(experiment.pk)
        if run is None:
            raise Conflict("not_run", "The experiment was never run; POST to its run endpoint first.")
        return Response(ComparisonBody.of(run).model_dump(mode="json"))


class PromoteView(APIView):
    """`/api/laboratory/experiments/{id}/promote`."""

    permission_classes = [HasScope("lab:write")]

    @extend_schema(request=PromotionRequest, responses={201: PromotionBody, **_REFUSALS})
    def post(self, request: Request, experiment_id: UUID) -> Response:
        """Ask for the challenger to go into production; somebody else must approve."""
        body = validate(PromotionRequest, request.data)
        promotion = promotions.request_promotion(
            experiment_id=experiment_id, reason=body.reason, user_id=_user_id(request), now=timezone.now()
        )
        return Response(PromotionBody.of(promotion).model_dump(mode="json"), status=201)


class DecisionView(APIView):
    """`/api/laboratory/promotions/{id}/…`; subclasses say what is decided."""

    permission_classes = [HasScope("lab:approve")]
    decide: Callable[..., Promotion]

    @extend_schema(request=EmptyRequest, responses={200: PromotionBody, 410: ErrorBody, **_REFUSALS})
    def post(self, request: Request, promotion_id: UUID) -> Response:
        """Decide and return the promotion as it then is."""
        validate(EmptyRequest, request.data)
        promotion = type(self).decide(
            promotion_id=promotion_id, user_id=_user_id(request), now=timezone.now()
        )
        return Response(PromotionBody.of(promotion).model_dump(mode="json"))


class ApproveView(DecisionView):
    """Change production over; never by the proposer."""

    decide = staticmethod(promotions.approve_promotion)


class RejectView(DecisionView):
    """Turn a promotion down."""

    decide = staticmethod(promotions.reject_promotion)


class RollbackView(DecisionView):
    """Put the configuration from before the promotion back into use."""

    decide = staticmethod(promotions.roll_back_promotion)
