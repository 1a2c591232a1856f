"""Parts of an account's page that are loaded after it, and are pages of their own without a script."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import Http404
from django.http.response import HttpResponseBase

from contexts import selectors
from contexts.contracts import TimelineEntry
from contexts.graph_contracts import Graph
from contexts.selectors.graph import get_graph
from contexts.web.graph_drawing import draw_narrow, draw_wide
from contexts.web.moments import parse_day, parse_past_day
from revctx.reading import reading
from revctx.web.access import ScopedPage
from signals.selectors import list_types

TIMELINE_LENGTH = 40
GRAPH_NODES = 60
_LAST_ID = UUID(int=2**128 - 1)


class AccountPart(ScopedPage):
    """A part, bare when a page asks for it and whole otherwise."""

    scope = "accounts:read"
    part = ""

    def get_template_names(self) -> list[str]:
        """Return the bare part for the account's page, the whole page otherwise."""
        is_part = self.request.headers.get("HX-Request") == "true"
        return [f"contexts/_{self.part}.html" if is_part else f"contexts/{self.part}.html"]

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer with the 404 page where no account has this id."""
        try:
            return super().dispatch(*args, **kwargs)
        except selectors.AccountNotFound as error:
            raise Http404("no such account") from error

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the account, and what the part adds, asking for nothing twice."""
        with reading():
            account = selectors.get_account(kwargs["account_id"])
            return super().get_context_data(account=account, **self.read(account.id), **kwargs)

    def read(self, account_id: UUID) -> dict[str, Any]:
        """Return what the part shows."""
        raise NotImplementedError


class AccountTimeline(AccountPart):
    """What happened, the newest first, a page at a time."""

    part = "timeline"

    def read(self, account_id: UUID) -> dict[str, Any]:
        """Read one page of entries."""
        now = datetime.now(UTC)
        day = parse_past_day(self.request.GET.get("as_of", ""), now=now)
        before = _parse_position(self.request.GET.get("after", "")) or (day.at or now, _LAST_ID)
        entries = selectors.get_timeline(account_id, TIMELINE_LENGTH + 1, before=before)
        shown = entries[:TIMELINE_LENGTH]
        labels = {entry.name: entry.label for entry in list_types()}
        return {
            "timeline": [{"entry": entry, "label": labels.get(entry.type, entry.type)} for entry in shown],
            "next_cursor": _print_position(shown[-1]) if len(entries) > TIMELINE_LENGTH else "",
        }


class AccountGraph(AccountPart):
    """What surrounds the account, drawn and as a table, now or as it was believed."""

    part = "graph"

    def read(self, account_id: UUID) -> dict[str, Any]:
        """Read and draw the graph."""
        now = datetime.now(UTC)
        valid, known = (parse_day(self.request.GET.get(name, "")) for name in ("valid_at", "known_at"))
        graph = get_graph(
            account_id=account_id,
            valid_at=valid.at or now,
            known_at=known.at,
            now=now,
            limit=GRAPH_NODES,
            shows_actions="actions:read" in self.scopes,
        )
        nodes = {node.id: node for node in graph.nodes}
        return {
            "graph": graph,
            "edges": [(edge, nodes[edge.source], nodes[edge.target]) for edge in graph.edges],
            "summary": _summarise(graph),
            "wide": draw_wide(graph),
            "narrow": draw_narrow(graph),
            "valid": valid,
            "known": known,
        }


def _summarise(graph: Graph) -> str:
    """Return what the drawing shows in words: how many of each kind."""
    kinds = [node.kind for node in graph.nodes[1:]]
    plurals = {"person": "people", "opportunity": "opportunities", "technology": "technologies"}
    return ", ".join(
        f"{kinds.count(kind)} {kind if kinds.count(kind) == 1 else plurals.get(kind, f'{kind}s')}"
        for kind in dict.fromkeys(kinds)
    )


def _print_position(entry: TimelineEntry) -> str:
    return f"{entry.at.isoformat()}~{entry.id}"


def _parse_position(cursor: str) -> tuple[datetime, UUID] | None:
    at, _, entry_id = cursor.partition("~")
    try:
        moment, parsed = datetime.fromisoformat(at), UUID(entry_id)
    except ValueError:
        return None
    return (moment, parsed) if moment.tzinfo else None
