"""What lists of actions show. Opens no sealed text, so looking at a list leaves no trace of a person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts import selectors as contexts_selectors
from contexts.contracts import PackFact
from orchestration.models import Action
from orchestration.policy import State

LABELS_SHOWN = 2


@dataclass(frozen=True, kw_only=True)
class ActionRow:
    """One action in a list; the headline names the strongest evidence behind it."""

    id: UUID
    kind: str
    state: str
    reason_code: str
    version: int
    account_id: UUID
    account_name: str
    headline: str
    intent: float
    warnings: int
    claimed_by: int | None
    claim_expires_at: datetime | None
    execute_after: datetime | None
    created_at: datetime
    expires_at: datetime
    updated_at: datetime


def list_queue(*, limit: int = 200) -> list[ActionRow]:
    """Return what waits for a decision, the hottest first."""
    return _rows(Action.objects.filter(state=State.PENDING.value).order_by("-intent", "id")[:limit])


def list_recent(*, limit: int) -> list[ActionRow]:
    """Return what was last carried out or tried, newest first."""
    states = [State.EXECUTING, State.EXECUTED, State.FAILED, State.UNKNOWN]
    done = Action.objects.filter(state__in=[state.value for state in states])
    return _rows(done.order_by("-updated_at", "id")[:limit])


def list_of_account(*, account_id: UUID, limit: int) -> list[ActionRow]:
    """Return an account's actions, newest first."""
    return _rows(Action.objects.filter(account_id=account_id).order_by("-created_at", "id")[:limit])


def _rows(actions: Iterable[Action]) -> list[ActionRow]:
    names = set(ActionRow.__dataclass_fields__) - {"account_name", "headline"}
    listed = list(actions)
    evidence = contexts_selectors.list_evidence(action.pack for action in listed)
    return [
        ActionRow(
            account_name=str(action.pack["account"].get("name") or action.account_id),
            headline=_headline(facts),
            **{name: getattr(action, name) for name in names},
        )
        for action, facts in zip(listed, evidence, strict=True)
    ]


def _headline(strongest: Iterable[PackFact]) -> str:
    labels = list(dict.fromkeys(fact.label for fact in strongest))
    return ", then ".join(labels[:LABELS_SHOWN]) or "Intent crossed the threshold"
