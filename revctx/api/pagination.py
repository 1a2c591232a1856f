"""Cursor pages: `{"next": url or null, "results": [...]}`."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from revctx.api.errors import BadRequest


class CursorPage(CursorPagination):
    """Pages by a stable ordering; subclasses say which."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 500
    # Within one instant a cursor counts rows, and an import may bring thousands of one; with DRF's
    # own limit of 1,000 the same page would follow itself for ever.
    offset_cutoff = 100_000
    ordering: Any = "-created_at"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Return the rows of the page that a query asks for.

        Raises:
            BadRequest: its cursor is none of ours.
        """
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, ValueError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            raise BadRequest("invalid_cursor", "The cursor is not one of this list's.") from error

    def get_paginated_response(self, data: Any) -> Response:
        """Print one page."""
        return Response({"next": self.get_next_link(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe one page to OpenAPI."""
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {"type": "string", "format": "uri", "nullable": True},
                "results": schema,
            },
        }
