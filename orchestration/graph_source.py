"""What actions tell the graph: for whom, on which signals, since when, and how they ended."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from contexts import selectors as contexts_selectors
from contexts.contracts import PackFact
from contexts.graph_facts import ActionSeen
from orchestration.models import Action
from orchestration.policy import FINAL_STATES, State

SIGNALS_SHOWN = 20


def list_seen(account_ids: Collection[UUID], known_at: datetime, limit: int) -> list[ActionSeen]:
    """Return the newest actions for these accounts, each as it stood at `known_at`."""
    rows = Action.objects.filter(account_id__in=list(account_ids), created_at__lte=known_at)
    newest = list(rows.order_by("-created_at", "id").prefetch_related("moves")[:limit])
    evidence = contexts_selectors.list_evidence(action.pack for action in newest)
    return [_see(action, facts, known_at) for action, facts in zip(newest, evidence, strict=True)]


def _see(action: Action, facts: Iterable[PackFact], known_at: datetime) -> ActionSeen:
    moves = sorted(action.moves.all(), key=lambda move: move.version)
    known = [move for move in moves if move.at <= known_at]
    sent = [move.at for move in known if move.to_state == State.EXECUTED.value]
    # What is approved can be taken back until it is carried out, so only that and an end decide.
    ended = [move.at for move in known if State(move.to_state) in FINAL_STATES]
    return ActionSeen(
        id=action.id,
        kind=action.kind,
        state=known[-1].to_state if known else State.PENDING.value,
        account_id=action.account_id,
        subject_id=action.subject_id,
        proposed_at=action.created_at,
        decided_at=ended[0] if ended else None,
        executed_at=sent[0] if sent else None,
        signal_ids=_list_signals(facts),
    )


def _list_signals(strongest: Iterable[PackFact]) -> tuple[UUID, ...]:
    """Return the signals that a draft was made from, those of the strongest facts first."""
    ids = dict.fromkeys(signal_id for fact in strongest for signal_id in fact.signal_ids)
    return tuple(ids)[:SIGNALS_SHOWN]
