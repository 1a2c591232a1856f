"""The neighbourhood of an account: who is found by a recursive query, and how they hang together."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from compliance.privacy.restrictions import list_hidden
from contexts.families import find_persons, find_roots
from contexts.graph import Edge, find_edges
from contexts.graph_contracts import Graph
from contexts.graph_facts import ActionSeen, Observation, read_actions, read_facts
from contexts.graph_sources import list_actions
from contexts.selectors.graph_nodes import Neighbour, describe_nodes
from contexts.selectors.graph_rows import list_observations, list_same_as

MAX_DEPTH = 4
MAX_NODES = 500
MAX_FOUND = 2_000  # steps of the recursive query
MAX_FANOUT = 100  # people of one account, accounts of one person
MAX_ACCOUNTS = 50  # whose signals are read
MAX_ACTIONS = 50
# Stages, technologies, products and roles are shared by everybody, and signals lead nowhere else.
_ENDS = {"stage", "technology", "product", "role", "signal"}
_FIRST = (
    "same_as",
    "has_opportunity",
    "works_at",
    "proposed_for",
    "stage_is",
    "uses",
    "hired_for",
    "touched_by",
)

# Breadth first, so that the limit cuts what is farthest; merged ones are at the same distance as survivors.
_WALK = """
WITH RECURSIVE walk(kind, id, distance) AS (
    SELECT 'account', %(root)s::uuid, 0
  UNION
    SELECT next.kind, next.id, walk.distance + next.step
    FROM walk JOIN LATERAL (
        SELECT walk.kind, m.survivor_id AS id, 0 AS step FROM contexts_identitymerge m
        WHERE m.merged_id = walk.id AND m.kind = walk.kind
          AND m.merged_at <= %(known)s AND (m.undone_at IS NULL OR m.undone_at > %(known)s)
      UNION ALL
        SELECT walk.kind, m.merged_id, 0 FROM contexts_identitymerge m
        WHERE m.survivor_id = walk.id AND m.kind = walk.kind
          AND m.merged_at <= %(known)s AND (m.undone_at IS NULL OR m.undone_at > %(known)s)
      UNION ALL
        (SELECT 'contact', c.subject_id, 1 FROM contexts_contact c
         WHERE walk.kind = 'account' AND c.account_id = walk.id AND c.created_at <= %(known)s
         ORDER BY c.created_at DESC, c.id LIMIT %(fanout)s)
      UNION ALL
        (SELECT 'account', c.account_id, 1 FROM contexts_contact c
         WHERE walk.kind = 'contact' AND c.subject_id = walk.id AND c.created_at <= %(known)s
         ORDER BY c.created_at DESC, c.id LIMIT %(fanout)s)
    ) AS next ON true
    WHERE walk.distance + next.step <= %(depth)s
)
SELECT kind, id, distance FROM walk LIMIT %(limit)s
"""


def get_graph(
    *,
    account_id: UUID,
    valid_at: datetime,
    now: datetime,
    known_at: datetime | None = None,
    depth: int = 2,
    limit: int = 200,
    shows_actions: bool = False,
) -> Graph:
    """Return what surrounded an account at `valid_at` as it was known at `known_at` (None: `now`).

    Erased and restricted persons and what they did are no part of it. `depth` is 1…4 edges, `limit` 1…500
    nodes. `shows_actions` says that the reader may read actions; else none is part of it.
    """
    known = min(known_at or now, now)
    then = known_at if known_at is not None and known_at < now else None
    depth = min(depth, MAX_DEPTH)
    most_actions = MAX_ACTIONS + 1 if shows_actions else 0  # one more tells that there are more
    told = _gather(account_id, valid_at, known, then, depth, most_actions=most_actions)
    edges = _link(told, valid_at, known, then)
    root = f"account:{told.roots.get(account_id, account_id)}"
    distances, more = _measure(root, edges, depth=depth, limit=min(limit, MAX_NODES))
    return Graph(
        root=root,
        nodes=describe_nodes(
            [Neighbour(node, distance) for node, distance in distances.items()],
            observations=_visible(told.observations, valid_at, known),
            actions=told.actions,
        ),
        edges=tuple(_within(edges, distances)),
        valid_at=valid_at,
        known_at=known,
        depth=depth,
        truncated=told.is_cut or more,
    )


class _Told(NamedTuple):
    """What signals and actions tell of an account and its neighbours."""

    accounts: list[UUID]
    roots: Mapping[UUID, UUID]  # of accounts that are merged
    people: set[UUID]
    hidden: set[UUID]
    actions: list[ActionSeen]
    observations: list[Observation]
    is_cut: bool


def _gather(
    account_id: UUID,
    valid_at: datetime,
    known: datetime,
    then: datetime | None,
    depth: int,
    *,
    most_actions: int,
) -> _Told:
    found, is_cut = _walk(account_id, known, depth + 1)
    accounts = [pk for kind, pk in found if kind == "account"][:MAX_ACCOUNTS]
    roots = find_roots(accounts, known_at=then)
    actions = list_actions(account_ids=accounts, known_at=known, limit=most_actions)
    people = {pk for kind, pk in found if kind == "contact"}
    people |= {seen.subject_id for seen in actions if seen.subject_id}
    hidden = list_hidden(people)
    read = list_observations(
        account_ids=accounts, root=account_id, valid_at=valid_at, known_at=then, account_roots=roots
    )
    return _Told(
        accounts=accounts,
        roots=roots,
        people=people,
        hidden=hidden,
        actions=[seen for seen in actions[:MAX_ACTIONS] if seen.subject_id not in hidden],
        observations=read.observations,
        is_cut=is_cut or read.is_cut or len(accounts) == MAX_ACCOUNTS or len(actions) > MAX_ACTIONS,
    )


def _link(told: _Told, valid_at: datetime, known: datetime, then: datetime | None) -> list[Edge]:
    persons = find_persons(told.people, known_at=then)
    acted = read_actions(told.actions, accounts=told.roots, persons=persons)
    facts = [*read_facts(told.observations), *acted]
    edges = find_edges(facts, valid_at=valid_at, known_at=known)
    return edges + list_same_as(ids=[*told.accounts, *told.people - told.hidden], known_at=known)


def _walk(account_id: UUID, known_at: datetime, depth: int) -> tuple[list[tuple[str, UUID]], bool]:
    """Return accounts and people around an account, the nearest first, and whether there were more."""
    parameters: dict[str, Any] = {
        "root": account_id,
        "known": known_at,
        "depth": depth,
        "fanout": MAX_FANOUT,
        "limit": MAX_FOUND,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WALK, parameters)
        rows = cursor.fetchall()
    nearest = sorted(rows, key=lambda row: row[2])
    return list(dict.fromkeys((kind, pk) for kind, pk, _ in nearest)), len(rows) == MAX_FOUND


def _visible(seen: Iterable[Observation], valid_at: datetime, known_at: datetime) -> list[Observation]:
    return [one for one in seen if one.at <= valid_at and one.recorded_at <= known_at]


def _measure(root: str, edges: list[Edge], *, depth: int, limit: int) -> tuple[dict[str, int], bool]:
    """Return the nodes within reach with their distance, and whether the limit left some out."""
    around: dict[str, list[tuple[tuple[int, float], str]]] = {}
    for edge in edges:
        rank = (_FIRST.index(edge.relation), -edge.valid_from.timestamp() if edge.valid_from else 0.0)
        around.setdefault(edge.source, []).append((rank, edge.target))
        around.setdefault(edge.target, []).append((rank, edge.source))
    distances, ring = {root: 0}, [root]
    for distance in range(1, depth + 1):
        reached = sorted(
            step for node in ring if node.partition(":")[0] not in _ENDS for step in around.get(node, ())
        )
        ring = [node for node in dict.fromkeys(node for _, node in reached) if node not in distances]
        room = limit - len(distances)
        distances |= dict.fromkeys(ring[:room], distance)
        if len(ring) > room:
            return distances, True
    return distances, False


def _within(edges: list[Edge], distances: dict[str, int]) -> list[Edge]:
    kept = [edge for edge in edges if edge.source in distances and edge.target in distances]
    return sorted(
        kept,
        key=lambda edge: (
            max(distances[edge.source], distances[edge.target]),
            _FIRST.index(edge.relation),
            edge.source,
            edge.target,
        ),
    )
