"""Names and typed facts of a graph's nodes, a query a kind."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from contexts.graph_contracts import Node
from contexts.graph_facts import DEALS, ActionSeen, Observation
from contexts.models import Account, AccountContext, Contact
from signals.selectors import list_types

_DEAL_FACTS = ("product", "value")


class Neighbour(NamedTuple):
    """A node within reach."""

    id: str
    distance: int


def describe_nodes(
    found: Sequence[Neighbour], *, observations: Sequence[Observation], actions: Sequence[ActionSeen]
) -> tuple[Node, ...]:
    """Return the nodes with their labels; people are told by the class of their title."""
    facts: dict[str, tuple[str, dict[str, Any]]] = {
        "product:own": ("Our product", {}),
        **_describe_accounts(_keys(found, "account")),
        **_describe_people(_keys(found, "person")),
        **_describe_signals(observations),
        **_describe_deals(observations),
        **_describe_actions(actions),
    }
    return tuple(_make(neighbour, facts) for neighbour in found)


def _make(neighbour: Neighbour, facts: Mapping[str, tuple[str, dict[str, Any]]]) -> Node:
    kind, _, key = neighbour.id.partition(":")
    label, attributes = facts.get(neighbour.id, (_humanize(key), {}))
    return Node(
        id=neighbour.id,
        kind=kind,
        key=key,
        label=label,
        distance=neighbour.distance,
        attributes=attributes,
    )


def _keys(found: Iterable[Neighbour], kind: str) -> list[UUID]:
    return [UUID(node.id.partition(":")[2]) for node in found if node.id.startswith(f"{kind}:")]


def _describe_accounts(ids: list[UUID]) -> dict[str, tuple[str, dict[str, Any]]]:
    rows = Account.objects.filter(id__in=ids).values_list("id", "name")
    bands = dict(AccountContext.objects.filter(account_id__in=ids).values_list("account_id", "band"))
    return {f"account:{pk}": (name, {"band": bands[pk]} if pk in bands else {}) for pk, name in rows}


def _describe_people(ids: list[UUID]) -> dict[str, tuple[str, dict[str, Any]]]:
    rows = Contact.objects.filter(subject_id__in=ids).order_by("-created_at", "id")
    told: dict[str, tuple[str, dict[str, Any]]] = {}
    for subject_id, title in rows.values_list("subject_id", "title_class"):
        node = f"person:{subject_id}"
        # Of several rows the newest that knows the title.
        if node not in told or told[node][1]["title_class"] == "unknown":
            told[node] = (_TITLES.get(title) or _humanize(title), {"title_class": title})
    return told


def _describe_signals(observations: Iterable[Observation]) -> dict[str, tuple[str, dict[str, Any]]]:
    labels = {entry.name: entry.label for entry in list_types()}
    return {
        f"signal:{seen.signal_id}": (
            labels.get(seen.type, _humanize(seen.type)),
            {"type": seen.type, "occurred_at": seen.at.isoformat()},
        )
        for seen in observations
    }


def _describe_deals(observations: Iterable[Observation]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return each opportunity with what its newest signals said of product and value."""
    told: dict[str, dict[str, Any]] = {}
    for seen in sorted((seen for seen in observations if seen.type in DEALS), key=lambda seen: seen.at):
        facts = {name: seen.attributes[name] for name in _DEAL_FACTS if name in seen.attributes}
        told[seen.opportunity] = told.get(seen.opportunity, {}) | facts
    return {node: ("Opportunity", facts) for node, facts in told.items()}


def _describe_actions(actions: Iterable[ActionSeen]) -> dict[str, tuple[str, dict[str, Any]]]:
    labels = {"email": "E-mail", "review_task": "Review task"}
    return {
        f"action:{seen.id}": (
            labels.get(seen.kind, _humanize(seen.kind)),
            {"kind": seen.kind, "state": seen.state},
        )
        for seen in actions
    }


_TITLES = {"unknown": "Person", "vp": "VP", "c_level": "C-level"}


def _humanize(code: str) -> str:
    words = code.replace("_", " ")
    return words[:1].upper() + words[1:]
