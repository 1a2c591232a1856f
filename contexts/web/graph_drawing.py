"""Geometry of an account's graph: a tree from left to right, and one that is indented for a narrow screen.

Pure: a graph in, SVG attribute values out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contexts.graph import Edge
from contexts.graph_contracts import Graph, Node

ROW, MARGIN = 40, 22  # px: height of a row, room above the first
WIDE, COLUMN = 1090, 290
NARROW, INDENT = 326, 20
SHOWN = 5  # of one relation of one node; the table has them all
CHARACTER = 7.2  # px, at most, of the label's font
_MORE = "more"


@dataclass(frozen=True)
class Mark:
    """A node as it is drawn: a dot with its label and, below it, how it is related; px."""

    kind: str
    label: str
    note: str
    x: int
    y: float
    link: str


@dataclass(frozen=True)
class Drawing:
    """Marks in a box of `width` by `height` px."""

    width: int
    height: float
    marks: tuple[Mark, ...]


@dataclass
class _Branch:
    node: Node
    relation: str
    children: list["_Branch"]
    y: float = 0.0


def draw_wide(graph: Graph) -> Drawing:
    """Place the nodes in columns by distance, each beside what it hangs on."""
    root = _grow(graph)
    rows = _spread(root, 0)
    marks = _place_wide(root, None)
    return Drawing(WIDE, max(rows, 1) * ROW + MARGIN, tuple(marks))


def draw_narrow(graph: Graph) -> Drawing:
    """Place the nodes below each other, indented by distance."""
    marks = list(_place_narrow(_grow(graph), None, [0]))
    return Drawing(NARROW, len(marks) * ROW + MARGIN, tuple(marks))


def _grow(graph: Graph) -> _Branch:
    """Return the tree in which every node hangs on the nearest one that leads to it."""
    nodes = {node.id: node for node in graph.nodes}
    around: Mapping[str, list[tuple[Edge, str]]] = defaultdict(list)
    for edge in graph.edges:
        around[edge.source].append((edge, edge.target))
        around[edge.target].append((edge, edge.source))
    root = _Branch(nodes[graph.root], "", [])
    placed, ring = {graph.root}, [root]
    while ring:
        ring = [child for branch in ring for child in _grow_children(branch, around, nodes, placed)]
    return root


def _grow_children(
    branch: _Branch,
    around: Mapping[str, list[tuple[Edge, str]]],
    nodes: Mapping[str, Node],
    placed: set[str],
) -> list[_Branch]:
    groups: dict[str, list[Node]] = defaultdict(list)
    for edge, other in around[branch.node.id]:
        if other not in placed:
            placed.add(other)
            groups[edge.relation].append(nodes[other])
    for relation, found in groups.items():
        branch.children += [_Branch(node, relation, []) for node in found[:SHOWN]]
        if len(found) > SHOWN:
            branch.children.append(_more(relation, len(found) - SHOWN))
    return [child for child in branch.children if child.node.kind != _MORE]


def _more(relation: str, count: int) -> _Branch:
    label = f"and {count} more"
    node = Node(id=f"{_MORE}:{relation}", kind=_MORE, key="", label=label, distance=0, attributes={})
    return _Branch(node, relation, [])


def _spread(branch: _Branch, row: int) -> int:
    """Give each leaf a row, and every other node the middle of its children; return the next row."""
    if not branch.children:
        branch.y = MARGIN + row * ROW
        return row + 1
    for child in branch.children:
        row = _spread(child, row)
    branch.y = (branch.children[0].y + branch.children[-1].y) / 2
    return row


def _place_wide(branch: _Branch, parent: Mark | None, depth: int = 0) -> Iterator[Mark]:
    x, y = 8 + depth * COLUMN, branch.y
    link = ""
    label = _cut(branch.node.label, COLUMN - 60)
    if parent is not None:
        start = parent.x + 16 + round(CHARACTER * max(len(parent.label), len(parent.note)))
        start, middle = min(start, x - 30), x - 24
        curve = f"C{middle} {parent.y:.1f} {middle - 8} {y:.1f} {x - 8} {y:.1f}"
        link = f"M{start} {parent.y:.1f}H{middle - 16}{curve}"
    mark = Mark(branch.node.kind, label, _say(branch), x, y, link)
    yield mark
    for child in branch.children:
        yield from _place_wide(child, mark, depth + 1)


def _place_narrow(branch: _Branch, parent: Mark | None, row: list[int], depth: int = 0) -> Iterator[Mark]:
    x, y = 8 + depth * INDENT, MARGIN + row[0] * ROW
    row[0] += 1
    link = f"M{parent.x} {parent.y + 8:.1f}V{y}H{x - 7}" if parent else ""
    mark = Mark(branch.node.kind, _cut(branch.node.label, NARROW - x - 14), _say(branch), x, y, link)
    yield mark
    for child in branch.children:
        yield from _place_narrow(child, mark, row, depth + 1)


def _say(branch: _Branch) -> str:
    return branch.relation.replace("_", " ") if branch.relation else "this account"


def _cut(text: str, width: float) -> str:
    most = int(width / CHARACTER)
    return text if len(text) <= most else f"{text[: most - 1]}…"
