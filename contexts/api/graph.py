"""The graph around an account."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contexts.api.asking import find_account, read_instant
from contexts.api.cursors import read_number
from contexts.graph_contracts import Graph
from contexts.selectors.graph import MAX_DEPTH, MAX_NODES, get_graph
from revctx.api.errors import Unprocessable
from revctx.api.permissions import HasScope, scopes_of
from revctx.api.schemas import ErrorBody, ResponseModel

DEFAULT_DEPTH, DEFAULT_NODES = 2, 200


class GraphNode(ResponseModel):
    """One thing, and how many edges lead to it."""

    id: str
    kind: str
    key: str
    label: str
    distance: int
    attributes: dict[str, Any]


class GraphEdge(ResponseModel):
    """A relation with the time it held, the time it was believed, and the signals that say so."""

    relation: str
    source: str
    target: str
    valid_from: datetime | None
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None
    signal_ids: list[UUID]
    signal_count: int
    closed_by: UUID | None


class GraphResponse(ResponseModel):
    """What surrounded an account at a time, as it was known at a time."""

    root: str
    valid_at: datetime
    known_at: datetime
    depth: int
    truncated: bool
    nodes: list[GraphNode]
    edges: list[GraphEdge]

    @classmethod
    def of(cls, graph: Graph) -> "GraphResponse":
        """Build from the graph."""
        return cls(
            root=graph.root,
            valid_at=graph.valid_at,
            known_at=graph.known_at,
            depth=graph.depth,
            truncated=graph.truncated,
            nodes=[GraphNode.model_validate(node) for node in graph.nodes],
            edges=[GraphEdge.model_validate(edge) for edge in graph.edges],
        )


class AccountGraphView(APIView):
    """`/api/accounts/{ref}/graph`."""

    permission_classes = [HasScope("accounts:read")]

    @extend_schema(
        operation_id="accounts_graph",
        parameters=[
            OpenApiParameter(
                "valid_at", OpenApiTypes.STR, description="What held then; a bare date: its end; default now."
            ),
            OpenApiParameter(
                "known_at", OpenApiTypes.STR, description="What was recorded by then; default now."
            ),
            OpenApiParameter("depth", OpenApiTypes.INT, description=f"1 to {MAX_DEPTH} edges; default 2."),
            OpenApiParameter("limit", OpenApiTypes.INT, description=f"1 to {MAX_NODES} nodes; default 200."),
        ],
        responses={200: GraphResponse, **dict.fromkeys((401, 403, 404, 422), ErrorBody)},
    )
    def get(self, request: Request, ref: str) -> Response:
        """Return what surrounded an account, each edge with its signals; actions for `actions:read`."""
        now = timezone.now()
        known_at = read_instant(request, "known_at")
        graph = get_graph(
            account_id=find_account(ref, known_at),
            valid_at=read_instant(request, "valid_at") or now,
            known_at=known_at,
            now=now,
            depth=_number(request, "depth", DEFAULT_DEPTH, MAX_DEPTH),
            limit=_number(request, "limit", DEFAULT_NODES, MAX_NODES),
            shows_actions="actions:read" in scopes_of(request),
        )
        return Response(GraphResponse.of(graph).model_dump(mode="json"))


def _number(request: Request, name: str, default: int, most: int) -> int:
    number = read_number(request.query_params.get(name, str(default)))
    if number is None or not 1 <= number <= most:
        raise Unprocessable(f"invalid_{name}", f"{name} must be a number from 1 to {most}.")
    return number
