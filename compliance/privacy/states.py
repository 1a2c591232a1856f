"""Where a privacy request can stand and which moves are legal. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RequestType(StrEnum):
    """What a person may ask for."""

    ACCESS = "access"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    OPT_OUT = "opt_out"


class State(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    IDENTITY_UNVERIFIED = "identity_unverified"
    VERIFIED = "verified"
    APPROVED = "approved"
    DENIED = "denied"
    EXECUTING = "executing"
    AWAITING_CONNECTOR = "awaiting_connector"
    COMPLETE = "complete"
    ON_HOLD = "on_hold"
    ERROR = "error"
    DUPLICATE = "duplicate"


class Move(StrEnum):
    """What can happen to a request; the value is the second half of the audit name."""

    ASK_IDENTITY = "unverified"
    VERIFY = "verified"
    APPROVE = "approved"
    DENY = "denied"
    START = "started"
    AWAIT = "awaited"
    COMPLETE = "completed"
    HOLD = "held"
    RESUME = "resumed"
    FAIL = "failed"
    DUPLICATE = "duplicated"


@dataclass(frozen=True)
class Rule:
    """From which states a move may be made, and where it leads; None is back to where the hold began."""

    before: frozenset[State]
    after: State | None


def _rule(after: State | None, *before: State) -> Rule:
    return Rule(frozenset(before), after)


LEGAL_MOVES: dict[Move, Rule] = {
    Move.ASK_IDENTITY: _rule(State.IDENTITY_UNVERIFIED, State.RECEIVED),
    Move.DUPLICATE: _rule(State.DUPLICATE, State.RECEIVED),
    Move.VERIFY: _rule(State.VERIFIED, State.RECEIVED, State.IDENTITY_UNVERIFIED),
    Move.APPROVE: _rule(State.APPROVED, State.VERIFIED),
    Move.DENY: _rule(State.DENIED, State.IDENTITY_UNVERIFIED, State.VERIFIED),
    Move.START: _rule(State.EXECUTING, State.APPROVED, State.ERROR),
    Move.AWAIT: _rule(State.AWAITING_CONNECTOR, State.EXECUTING),
    Move.COMPLETE: _rule(State.COMPLETE, State.EXECUTING, State.AWAITING_CONNECTOR),
    Move.FAIL: _rule(State.ERROR, State.APPROVED, State.EXECUTING, State.AWAITING_CONNECTOR),
    Move.HOLD: _rule(
        State.ON_HOLD,
        State.IDENTITY_UNVERIFIED,
        State.VERIFIED,
        State.APPROVED,
        State.EXECUTING,
        State.AWAITING_CONNECTOR,
    ),
    Move.RESUME: _rule(None, State.ON_HOLD),
}
TERMINAL = frozenset({State.COMPLETE, State.DENIED, State.DUPLICATE})
# A request of the same person and type beside one of these is a duplicate.
OPEN = frozenset(State) - TERMINAL

# A suspicion of identity is none of ours to write down freely, hence codes.
DENIAL_REASONS = (
    "identity_not_verified",
    "manifestly_unfounded",
    "excessive",
    "legal_obligation",
    "legal_claims",
    "rights_of_others",
)
HOLD_REASONS = ("identity_question", "litigation_hold", "clarification", "retention_duty")
EXTENSION_REASONS = ("complexity", "number_of_requests")
VERIFICATION_METHODS = ("email_link", "account_login", "document", "call_back", "authorised_agent", "officer")


class IllegalMove(ValueError):
    """A request does not stand where that move begins."""

    def __init__(self, move: Move, state: State) -> None:
        super().__init__(f"a request that is {state.value} cannot be {move.value}")
        self.move, self.state = move, state


def next_state(state: State, move: Move, *, held_from: State | None = None) -> State:
    """Return where a move leads.

    Raises:
        IllegalMove: it does not begin here.
    """
    rule = LEGAL_MOVES[move]
    after = rule.after or held_from
    if state not in rule.before or after is None:
        raise IllegalMove(move, state)
    return after


_OTHER_EVENTS = ("received", "confirmed", "extended", "noticed", "reapplied", "exported")
AUDIT_NAMES = frozenset(f"privacy_request.{name}" for name in (*_OTHER_EVENTS, *(m.value for m in Move))) | {
    "privacy_target.acknowledged",
    "privacy_target.failed",
    "retention.applied",
    "retention.changed",
    "subject.restricted",
    "subject.unrestricted",
}
