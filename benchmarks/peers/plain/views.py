"""The endpoint: serializer, row, audit row, task."""

import hashlib
import json
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.peers.plain.celery import score
from benchmarks.peers.plain.models import AuditLog, Signal, Token


class Caller:
    """Whoever holds the token."""

    is_authenticated = True

    def __init__(self, actor: str) -> None:
        self.actor = actor


class TokenAuthentication(BaseAuthentication):
    """One indexed query a request."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Return the caller."""
        secret = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = Token.objects.filter(digest=hashlib.sha256(secret.encode()).digest()).first()
        if token is None:
            raise exceptions.AuthenticationFailed
        return Caller(token.actor), token


class SignalSerializer(serializers.Serializer[Any]):
    """The body, with the same limits as ours."""

    source = serializers.RegexField(r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    type = serializers.CharField(max_length=64)
    external_id = serializers.CharField(max_length=500)
    occurred_at = serializers.DateTimeField()
    account = serializers.DictField(child=serializers.CharField(max_length=200))
    strength = serializers.FloatField(min_value=0, max_value=10, default=1.0)
    attributes = serializers.DictField(default=dict)


class SignalView(APIView):
    """`/api/signals`."""

    authentication_classes = [TokenAuthentication]

    def post(self, request: Request) -> Response:
        """Store a signal and its audit row in one transaction, then send its task."""
        serializer = SignalSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        now = timezone.now()
        with transaction.atomic():
            known = Signal.objects.filter(source=fields["source"], external_id=fields["external_id"]).first()
            if known is not None:
                return Response({"id": str(known.id), "status": "duplicate"}, status=202)
            signal = Signal.objects.create(id=uuid4(), received_at=now, **fields)
            digest = hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()
            AuditLog.objects.create(
                id=uuid4(),
                recorded_at=now,
                name="signal.ingested",
                actor=request.user.actor,
                target_type="signal",
                target_id=str(signal.id),
                request_id=uuid4().hex,
                payload={"source": signal.source, "type": signal.type, "sha256": digest},
            )
            transaction.on_commit(lambda: score.delay(str(signal.id)))
        return Response({"id": str(signal.id), "status": "accepted"}, status=202)
