"""A graph as it is handed out: ids and typed facts, no names of people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contexts.graph import Edge


@dataclass(frozen=True, kw_only=True)
class Node:
    """One thing; `distance` is how many edges lead to it from the account that was asked for.

    `kind` is account, person, opportunity, signal, action, stage, technology, product or role; `key` is its
    id or code.
    """

    id: str
    kind: str
    key: str
    label: str
    distance: int
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What surrounded an account at `valid_at`, as it was known at `known_at`.

    Nodes and edges come by distance, the nearest first; `truncated` says that a limit left some out.
    """

    root: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    valid_at: datetime
    known_at: datetime
    depth: int
    truncated: bool
