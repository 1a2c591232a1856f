"""Pure rules of actions: legal moves, kind, checks before a move, confidence. No Django here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where an action stands."""

    PENDING = "pending"
    APPROVED = "approved"
    EXECUTING = "executing"
    EXECUTED = "executed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Kind(StrEnum):
    """What an action does once a human approved it."""

    EMAIL = "email"
    REVIEW_TASK = "review_task"


class Move(StrEnum):
    """What may happen to an action."""

    PROPOSE = "propose"
    EDIT = "edit"
    APPROVE = "approve"
    UNDO = "undo"
    REJECT = "reject"
    EXPIRE = "expire"
    BLOCK = "block"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    DOUBT = "doubt"


@dataclass(frozen=True)
class Rule:
    """One row of the table of legal moves."""

    sources: frozenset[State | None]
    target: State
    audit_name: str
    topic: str


def _rule(target: State, audit_name: str, topic: str, *sources: State | None) -> Rule:
    return Rule(frozenset(sources), target, audit_name, topic)


# The only moves there are. `None` is an action that does not exist yet. Once a provider was
# called (executing, unknown) nothing but its outcome may follow.
MOVES: Mapping[Move, Rule] = {
    Move.PROPOSE: _rule(State.PENDING, "action.proposed", "action.proposed", None),
    Move.EDIT: _rule(State.PENDING, "action.edited", "action.proposed", State.PENDING),
    Move.APPROVE: _rule(State.APPROVED, "action.approved", "action.approved", State.PENDING),
    Move.UNDO: _rule(State.PENDING, "action.undone", "action.proposed", State.APPROVED),
    Move.REJECT: _rule(State.REJECTED, "action.rejected", "action.rejected", State.PENDING),
    Move.EXPIRE: _rule(State.EXPIRED, "action.expired", "action.rejected", State.PENDING, State.APPROVED),
    Move.BLOCK: _rule(State.BLOCKED, "action.blocked", "action.rejected", State.APPROVED),
    Move.CANCEL: _rule(State.CANCELLED, "action.cancelled", "action.rejected", State.PENDING, State.APPROVED),
    Move.SUPERSEDE: _rule(State.SUPERSEDED, "action.superseded", "action.rejected", State.PENDING),
    Move.START: _rule(State.EXECUTING, "action.started", "action.approved", State.APPROVED),
    Move.SUCCEED: _rule(State.EXECUTED, "action.executed", "action.executed", State.EXECUTING, State.UNKNOWN),
    Move.FAIL: _rule(State.FAILED, "action.failed", "action.executed", State.EXECUTING, State.UNKNOWN),
    Move.DOUBT: _rule(State.UNKNOWN, "action.doubted", "action.executed", State.EXECUTING),
}
FINAL_STATES = frozenset(State) - {source for rule in MOVES.values() for source in rule.sources if source}
# An e-mail in one of these states may have reached its reader, so it counts against the daily limit.
COUNTED_STATES = frozenset({State.EXECUTING, State.EXECUTED, State.UNKNOWN})
AUDIT_NAMES = frozenset(rule.audit_name for rule in MOVES.values())

# Why a reviewer rejects; the group says who can learn from it.
REJECT_REASONS: Mapping[str, tuple[str, str]] = {
    "unsupported_claim": ("draft", "Says something the signals do not show"),
    "wrong_person": ("draft", "Wrong person"),
    "tone": ("draft", "Tone"),
    "length": ("draft", "Too long or too short"),
    "too_personal": ("draft", "Too personal"),
    "timing": ("decision", "Not now"),
    "open_deal": ("decision", "Already handled in an open deal"),
    "not_icp": ("decision", "Not a fitting account"),
    "misread_signal": ("decision", "Signal was misread"),
    "duplicate_touch": ("decision", "Somebody just wrote to them"),
    "compliance": ("compliance", "Must not be sent"),
}


# How long a person's text may be, in characters.
MAX_SUBJECT = 200
MAX_BODY = 8_000


class IllegalMove(ValueError):
    """The table of legal moves has no such move from that state."""


def next_state(state: State | None, move: Move) -> State:
    """Return the state that `move` leads to.

    Raises:
        IllegalMove: the move is not legal from `state`.
    """
    rule = MOVES[move]
    if state not in rule.sources:
        raise IllegalMove(f"{move} is not legal from {state}.")
    return rule.target


def decide_kind(*, has_consented_contact: bool) -> Kind:
    """Return `email` only where a contact has consented; otherwise a task for a human."""
    return Kind.EMAIL if has_consented_contact else Kind.REVIEW_TASK


def is_expired(*, now: datetime, expires_at: datetime) -> bool:
    """Tell whether the time to decide is over."""
    return now >= expires_at


def can_undo(*, now: datetime, execute_after: datetime | None) -> bool:
    """Tell whether the hold after an approval still runs."""
    return execute_after is not None and now < execute_after


def needs_enrichment(*, quality: float, floor: float = 0.6) -> bool:
    """Tell whether an account's context is too thin to act on; quality is 0 to 1."""
    return quality < floor


# How long a provider is not asked again about an account. A hit has told what it knows; a miss will be one
# for a while; `pending` asks to come back; everything else may pass.
_RESTS = {
    "hit": timedelta(days=30),
    "miss": timedelta(days=30),
    "pending": timedelta(hours=1),
    "never_sent": timedelta(0),
}


def rest_after(outcome: str) -> timedelta:
    """Return how long a provider rests for an account after an outcome."""
    return _RESTS.get(outcome, timedelta(minutes=15))


@dataclass(frozen=True, kw_only=True)
class ActionFeatures:
    """What speaks for contacting the account now.

    Units: intent and threshold 0–100; fit and quality 0–1; ages in hours; role 0–1.
    """

    intent: float
    threshold: float
    fit: float
    quality: float
    newest_age_hours: float
    signal_types: int
    people: int
    role: float
    last_touch_days: float | None


@dataclass(frozen=True, kw_only=True)
class DraftFeatures:
    """What speaks for sending the text as it is. Shares are 0–1."""

    citation_recall: float
    points_cited_share: float
    facts_cited: int
    newest_cited_age_hours: float
    warnings: int
    words: int
    words_wanted: tuple[int, int]
    repaired: bool
    fell_back: bool
    stated_confidence: float | None


# Prior weights of two logistic models, chosen by judgement: no decision has trained them yet, and
# every number they give says so. Each feature is scaled to about 0–1 before it is weighed.
# Source: signs and rough sizes follow what moves reply rates in outreach: intent well above the
# threshold, fresh and diverse evidence, a fitting account and role, and no recent touch.
ACTION_PRIOR = {
    "bias": -1.6,
    "margin": 1.3,
    "fit": 0.8,
    "quality": 0.7,
    "recency": 0.9,
    "diversity": 0.6,
    "breadth": 0.5,
    "role": 0.4,
    "rested": 0.5,
}
DRAFT_PRIOR = {
    "bias": -1.2,
    "citation_recall": 1.4,
    "points_cited_share": 1.0,
    "variety": 0.5,
    "freshness": 0.4,
    "length_fit": 0.5,
    "warnings": -0.8,
    "repaired": -0.5,
    "fell_back": -0.3,
    "stated": 0.4,
}
PRIOR_BASIS = "prior only"


def _logistic(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    total = weights["bias"] + sum(weights[name] * value for name, value in features.items())
    return round(1.0 / (1.0 + math.exp(-total)), 4)


def _saturate(value: float, scale: float) -> float:
    return 1.0 - math.exp(-max(value, 0.0) / scale)


def estimate_action(features: ActionFeatures) -> float:
    """Return the probability (0–1) that contacting the account now is right, from prior weights."""
    margin = (features.intent - features.threshold) / max(100.0 - features.threshold, 1.0)
    rested = 1.0 if features.last_touch_days is None else _saturate(features.last_touch_days, 14.0)
    scaled = {
        "margin": min(max(margin, -1.0), 1.0),
        "fit": features.fit,
        "quality": features.quality,
        "recency": 2.0 ** (-max(features.newest_age_hours, 0.0) / 48.0),
        "diversity": _saturate(features.signal_types, 2.5),
        "breadth": _saturate(features.people, 2.0),
        "role": features.role,
        "rested": rested,
    }
    return _logistic(ACTION_PRIOR, scaled)


def estimate_draft(features: DraftFeatures) -> float:
    """Return the probability (0–1) that the text can go as it is, from prior weights."""
    low, high = features.words_wanted
    middle, half = (low + high) / 2, max((high - low) / 2, 1.0)
    scaled = {
        "citation_recall": features.citation_recall,
        "points_cited_share": features.points_cited_share,
        "variety": _saturate(features.facts_cited, 2.0),
        "freshness": 2.0 ** (-max(features.newest_cited_age_hours, 0.0) / 96.0),
        "length_fit": max(1.0 - (abs(features.words - middle) / half) ** 2, -1.0),
        "warnings": float(min(features.warnings, 3)),
        "repaired": float(features.repaired),
        "fell_back": float(features.fell_back),
        "stated": 0.5 if features.stated_confidence is None else min(max(features.stated_confidence, 0), 1),
    }
    return _logistic(DRAFT_PRIOR, scaled)
