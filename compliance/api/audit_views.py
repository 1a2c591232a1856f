"""Endpoints of the sealed audit log: checkpoints, proofs, verification."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance import tasks
from compliance.api.audit_serializers import (
    CheckpointResponse,
    ConsistencyProofResponse,
    InclusionProofResponse,
    VerificationResponse,
)
from compliance.sealing import requests, tree
from compliance.sealing.models import AuditKey
from revctx.api.errors import NotFound, Unprocessable
from revctx.api.permissions import HasScope, actor_of
from revctx.api.schemas import ErrorBody

_REFUSALS = {401: ErrorBody, 403: ErrorBody, 404: ErrorBody}


class LatestCheckpointView(APIView):
    """`/api/audit/checkpoints/latest`."""

    permission_classes = [HasScope("audit:read")]

    @extend_schema(responses={200: CheckpointResponse, **_REFUSALS})
    def get(self, request: Request) -> Response:
        """Return the newest signed seal."""
        head = tree.find_head()
        if head is None:
            raise NotFound("nothing_sealed", "Nothing was sealed yet.")
        public_key = AuditKey.objects.values_list("public_key", flat=True).get(key_id=head.key_id)
        return Response(CheckpointResponse.of(head, public_key=public_key).model_dump(mode="json"))


class ConsistencyView(APIView):
    """`/api/audit/checkpoints/consistency`."""

    permission_classes = [HasScope("audit:read")]

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "first", OpenApiTypes.INT, required=True, description="Size of the earlier tree."
            ),
            OpenApiParameter(
                "second", OpenApiTypes.INT, required=True, description="Size of the later tree."
            ),
        ],
        responses={200: ConsistencyProofResponse, 422: ErrorBody, **_REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Prove that the earlier tree begins the later one."""
        sizes = [request.query_params.get(name, "") for name in ("first", "second")]
        if not all(size.isascii() and size.isdecimal() and len(size) < 19 for size in sizes):
            raise Unprocessable("invalid", "first and second are sizes of trees.")
        try:
            proof = tree.prove_consistency(first=int(sizes[0]), second=int(sizes[1]))
        except ValueError as error:
            raise Unprocessable("invalid", "The sizes must be 0 < first ≤ second.") from error
        except tree.NotSealed as error:
            raise NotFound("not_sealed", "So many events are not sealed yet.") from error
        return Response(ConsistencyProofResponse.of(proof).model_dump(mode="json"))


class EventProofView(APIView):
    """`/api/audit/events/{id}/proof`."""

    permission_classes = [HasScope("audit:read")]

    @extend_schema(responses={200: InclusionProofResponse, **_REFUSALS})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Prove that an event is in the newest sealed tree."""
        try:
            proof = tree.prove_inclusion(event_id=event_id)
        except tree.NotSealed as error:
            raise NotFound("not_sealed", "The event is unknown, or younger than the newest seal.") from error
        return Response(InclusionProofResponse.of(proof).model_dump(mode="json"))


class VerifyView(APIView):
    """`/api/audit/verify`."""

    permission_classes = [HasScope("audit:read")]

    @extend_schema(request=None, responses={202: VerificationResponse, 401: ErrorBody, 403: ErrorBody})
    def post(self, request: Request) -> Response:
        """Start a verification of the whole log; a worker does it."""
        asked = requests.request_verification(actor=actor_of(request), now=timezone.now())
        tasks.hint_verification()
        return Response(VerificationResponse.of(asked).model_dump(mode="json"), status=202)


class VerificationView(APIView):
    """`/api/audit/verify/{id}`."""

    permission_classes = [HasScope("audit:read")]

    @extend_schema(responses={200: VerificationResponse, **_REFUSALS})
    def get(self, request: Request, verification_id: UUID) -> Response:
        """Return how far a verification is, or what it found."""
        asked = requests.find_verification(verification_id=verification_id)
        if asked is None:
            raise NotFound("unknown_verification", "There is no such verification.")
        return Response(VerificationResponse.of(asked).model_dump(mode="json"))
