"""The records of processing activities, GDPR Article 30."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance import datamap
from compliance.models import RetentionSchedule
from revctx.api.permissions import HasScope
from revctx.api.schemas import ErrorBody, ResponseModel


class ProcessingRecord(ResponseModel):
    """One place where personal data can lie."""

    kind: str
    name: str
    controller: str
    categories: str
    subjects: str
    purpose: str
    lawful_basis: str
    recipients: str
    transfer: str
    retention: str
    erased_by: str
    safeguards: str


class ProcessingRecords(ResponseModel):
    """Every place."""

    results: list[ProcessingRecord]


class RopaView(APIView):
    """`/api/compliance/ropa`."""

    permission_classes = [HasScope("privacy:write", "audit:read")]

    @extend_schema(
        parameters=[OpenApiParameter("as", OpenApiTypes.STR, enum=["json", "csv"])],
        responses={200: ProcessingRecords, 401: ErrorBody, 403: ErrorBody},
    )
    def get(self, request: Request) -> Any:
        """List every place that can hold personal data, as the code registers it."""
        records = _list_records()
        if request.query_params.get("as") == "csv":
            return _print_csv(records)
        return Response({"results": records})


def _list_records() -> list[dict[str, str]]:
    """Return the places, with the days of the schedule where retention names one."""
    days = dict(RetentionSchedule.objects.values_list("data_class", "keep_days"))
    records = [asdict(place) for place in datamap.list_places()]
    for record in records:
        if record["retention"] in days:
            record["retention"] = f"{days[record['retention']]} days"
    return records


def _print_csv(records: list[dict[str, str]]) -> HttpResponse:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=datamap.COLUMNS)
    writer.writeheader()
    writer.writerows(records)
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="records-of-processing.csv"'
    return response
