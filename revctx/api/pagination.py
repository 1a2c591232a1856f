"""Cursor pages: `{"next": url or null, "results": [...]}`."""

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class CursorPage(CursorPagination):
    """Pages by a stable ordering; subclasses say which."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 500
    ordering: Any = "-created_at"

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
