"""What the tools do: typed facts and ids out, and one way in, which ends before a human.

No tool approves, edits, rejects or sends. Text of strangers stays out: of what sources say, only numbers,
dates and catalogued codes are passed on, and an account's name stripped to plain characters.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from contexts import selectors as contexts_selectors
from contexts.contracts import ContextPack, Contribution, ScoreExplanation, TimelineEntry
from contexts.services.packs import PackTooSmall, build_pack
from orchestration.agents.evidence import clean_text
from orchestration.mcp.access import Answer, Caller, describe_call
from orchestration.models import Action
from orchestration.selectors import query_pending
from orchestration.services.asking import ask_for_draft
from revctx.api.errors import Unprocessable
from signals.selectors import list_types

ACCOUNTS = frozenset({"accounts:read"})
SCOPES: Mapping[str, frozenset[str]] = {
    "account_context": ACCOUNTS,
    "score_explanation": ACCOUNTS,
    "evidence": ACCOUNTS | {"signals:read"},
    "pending_actions": frozenset({"actions:read"}),
    "propose_action": frozenset({"actions:propose"}),
}
_PLAIN = re.compile(r"[^\w .,&'()/+-]")
MAX_NAME = 60


def read_context(caller: Caller, now: datetime, *, account: str, max_tokens: int) -> Answer:
    """Return the context pack of an account: the same that a drafting agent gets."""
    account_id = contexts_selectors.get_account_id(account)
    try:
        pack = build_pack(account_id=account_id, now=now, max_tokens=max_tokens)
    except PackTooSmall as error:
        message = f"What must be in takes {error.needed} tokens."
        raise Unprocessable("pack_too_small", message) from error
    body = pack.to_dict()
    for name in ("name", "domain"):
        body["account"][name] = _plain(str(body["account"][name] or ""))
    body["account"]["attributes"] = _plain_values(body["account"]["attributes"])
    for fact in body["facts"]:
        fact["attributes"] = _plain_values(fact["attributes"])
    return Answer(
        body=body,
        name="account_context.read",
        target_type="account",
        target_id=str(account_id),
        account_id=account_id,
        payload={"pack_id": str(pack.id), "pack_hash": pack.content_hash},
    )


def explain_score(
    caller: Caller, now: datetime, *, account: str, as_of: datetime | None, known_at: datetime | None
) -> Answer:
    """Return the score at a time, as known at a time, and what it is made of."""
    account_id = contexts_selectors.get_account_id(account, known_at=known_at)
    score = contexts_selectors.get_score(
        account_id=account_id, as_of=as_of or now, known_at=known_at, now=now
    )
    return Answer(
        body=_print_score(score),
        name="score.read",
        target_type="account",
        target_id=str(score.account_id),
        account_id=score.account_id,
        payload={"as_of": score.as_of.isoformat(), "known_at": score.known_at.isoformat()},
    )


def _print_score(score: ScoreExplanation) -> dict[str, Any]:
    crossing = score.next_crossing
    return {
        "account_id": str(score.account_id),
        "intent": score.intent,
        "fit": score.fit,
        "priority": score.priority,
        "band": score.band,
        "damping": score.damping,
        "damped_by": list(score.damped_by),
        "hot_until": _print_time(score.hot_until),
        "next_crossing": {
            "at": crossing.at.isoformat(),
            "direction": crossing.direction,
            "threshold": crossing.threshold,
            "band": crossing.band,
        }
        if crossing
        else None,
        "contributions": [_print_contribution(item) for item in score.contributions],
        "as_of": score.as_of.isoformat(),
        "known_at": score.known_at.isoformat(),
        "configuration": {"decay": score.decay_version, "weight": score.weight_version},
    }


def _print_contribution(item: Contribution) -> dict[str, Any]:
    return {
        "type": item.type,
        "person": str(item.subject_id) if item.subject_id else None,
        "signal_ids": [str(signal_id) for signal_id in item.signal_ids],
        "signal_count": item.signal_count,
        "points": item.points,
        "latest_at": item.latest_at.isoformat(),
    }


def list_evidence(caller: Caller, now: datetime, *, account: str, limit: int) -> Answer:
    """Return the newest signals that counted, and crossings, as typed facts."""
    account_id = contexts_selectors.get_account_id(account)
    labels = {item.name: item.label for item in list_types()}
    entries = [_print_entry(item, labels) for item in contexts_selectors.get_timeline(account_id, limit)]
    return Answer(
        body={"account_id": str(account_id), "evidence": entries},
        name="evidence.read",
        target_type="account",
        target_id=str(account_id),
        account_id=account_id,
        payload={"entries": len(entries)},
    )


def _print_entry(entry: TimelineEntry, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "kind": entry.kind,
        "type": entry.type,
        "label": labels.get(entry.type, entry.type),
        "at": entry.at.isoformat(),
        "person": str(entry.subject_id) if entry.subject_id else None,
        "source": str(entry.detail.get("source", "")),
        "intent": entry.detail.get("intent"),
        "attributes": _plain_values(entry.detail.get("attributes", {})),
    }


def list_pending(caller: Caller, now: datetime, *, limit: int) -> Answer:
    """Return what waits for a human, the hottest first; without texts, for they name their reader."""
    found = list(query_pending()[:limit])
    packs = contexts_selectors.open_packs([action.pack for action in found])
    actions = [_print_action(action, opened.pack) for action, opened in zip(found, packs, strict=True)]
    body = {"waiting": query_pending().count(), "actions": actions}
    return Answer(
        body=body,
        name="queue.read",
        target_type="queue",
        target_id="pending",
        payload={"actions": len(actions)},
    )


def _print_action(action: Action, pack: ContextPack) -> dict[str, Any]:
    return {
        "id": str(action.id),
        "kind": action.kind,
        "state": action.state,
        "account_id": str(action.account_id),
        "account_name": _plain(str(pack.account.get("name") or "")),
        "intent": action.intent,
        "p_action": action.p_action,
        "p_draft": action.p_draft,
        "basis": action.basis,
        "warnings": action.warnings,
        "evidence": [
            {"ref": fact.ref, "type": fact.type, "points": fact.points, "at": fact.occurred_at.isoformat()}
            for fact in pack.facts
        ],
        "created_at": action.created_at.isoformat(),
        "expires_at": action.expires_at.isoformat(),
        "review_at": f"{settings.PUBLIC_URL}/approvals",
    }


def propose(caller: Caller, now: datetime, *, account: str) -> Answer:
    """Have the agent draft for a hot account; the draft waits in the queue like every other."""
    asked = ask_for_draft(
        account_id=contexts_selectors.get_account_id(account),
        actor=caller.actor,
        now=now,
        payload=describe_call("propose_action", caller),
    )
    return Answer(
        body={
            "status": asked.status,
            "account_id": str(asked.account_id),
            "crossing_id": str(asked.crossing_id),
            "action_id": str(asked.action_id) if asked.action_id else None,
            "action_state": asked.action_state or None,
            "review_at": f"{settings.PUBLIC_URL}/approvals",
        }
    )


def _plain(text: str) -> str:
    return clean_text(_PLAIN.sub(" ", text), limit=MAX_NAME)


def _plain_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers and booleans as they are and texts stripped; nothing nested."""
    plain = {
        _plain(str(name)): _plain(value) if isinstance(value, str) else value
        for name, value in attributes.items()
    }
    return {name: value for name, value in plain.items() if isinstance(value, str | int | float)}


def _print_time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
