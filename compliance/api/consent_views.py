"""Endpoints around a consent: its history, its signed receipt, and the person's confirmation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views import View
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance import confirmation, consent, consent_rules, gpc, receipts, signing, subjects
from compliance.api.serializers import (
    ConsentHistoryRequest,
    ConsentHistoryResponse,
    ConsentReceiptKey,
    ConsentStatementResponse,
)
from compliance.api.views import BODY_REFUSALS, REFUSALS, print_body, refusals
from revctx.api.errors import NotFound
from revctx.api.parsing import StrictJSONParser, validate
from revctx.api.permissions import HasScope
from revctx.api.schemas import ErrorBody

ACTOR = "system:confirmation"


class ConsentHistoryView(APIView):
    """`/api/consent/history`."""

    permission_classes = [HasScope("consent:read")]
    parser_classes = [StrictJSONParser, FormParser]

    @extend_schema(
        request={
            "application/json": ConsentHistoryRequest,
            "application/x-www-form-urlencoded": ConsentHistoryRequest,
        },
        responses={200: ConsentHistoryResponse, 404: ErrorBody, **BODY_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """List what a person ever said, the newest first; the address stays out of the URL."""
        body = validate(ConsentHistoryRequest, _plain(request.data))
        with refusals():
            consent_rules.check_choice("purpose", body.purpose or consent.DEFAULT_PURPOSE)
            consent_rules.check_choice("channel", body.channel or consent.DEFAULT_CHANNEL)
            subject_id = subjects.find_subject(email=body.email)
            if subject_id is None:
                raise consent.UnknownSubject("no such person")
        statements = consent.list_history(subject_id=subject_id, purpose=body.purpose, channel=body.channel)
        return print_body(
            ConsentHistoryResponse(
                subject_id=subject_id,
                sale_sharing_opt_out=gpc.is_opted_out(subject_id=subject_id),
                statements=[ConsentStatementResponse.model_validate(row) for row in statements],
            )
        )


class ConsentReceiptView(APIView):
    """`/api/consent/receipts/{revision_id}`."""

    permission_classes = [HasScope("consent:read")]

    @extend_schema(responses={200: dict[str, Any], 404: ErrorBody, **REFUSALS})
    def get(self, request: Request, revision_id: UUID) -> Response:
        """Return the receipt of one statement (ISO/IEC TS 27560), signed with Ed25519."""
        try:
            return Response(receipts.make_receipt(revision_id=revision_id))
        except receipts.UnknownRevision as error:
            raise NotFound("unknown_revision", "There is no such statement.") from error


class ConsentReceiptKeyView(APIView):
    """`/api/consent/receipts/key`: public, for whoever was handed a receipt."""

    permission_classes = []
    authentication_classes = []

    @extend_schema(responses={200: ConsentReceiptKey})
    def get(self, request: Request) -> Response:
        """Return the public key of receipts as a JSON Web Key."""
        return Response(signing.get_public_jwk())


class ConfirmView(View):
    """`/api/consent/confirm/{token}`: the link of a double opt-in.

    The signed token is the authority, so no sign-in and no CSRF token are asked for.
    """

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Ask, for link scanners open links too."""
        found = confirmation.read_token(token) is not None
        return self._page(request, "ask" if found else "void", status=200 if found else 404)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Make the consent count; again changes nothing."""
        revision_id, now = confirmation.read_token(token), timezone.now()
        if revision_id is None:
            return self._page(request, "void", status=404)
        try:
            statement = consent.confirm(
                revision_id=revision_id, source=confirmation.SOURCE, actor=ACTOR, now=now
            )
        except consent.ConfirmationVoid:
            return self._page(request, "void", status=410)
        opted_out = gpc.honour(subject_id=statement.subject_id, headers=request.headers, now=now)
        return self._page(request, "done", status=200, opted_out=opted_out)

    def _page(self, request: HttpRequest, step: str, *, status: int, opted_out: bool = False) -> HttpResponse:
        context = {"step": step, "opted_out": opted_out}
        return render(request, "compliance/confirm.html", context, status=status)


class GpcSupportView(View):
    """`/.well-known/gpc.json`: says that the signal is honoured here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Say so."""
        return JsonResponse({"gpc": True, "lastUpdate": "2026-11-22"})


def _plain(data: Any) -> Any:
    """Return a form's fields as a plain object; JSON is one already."""
    return data.dict() if hasattr(data, "dict") else data
