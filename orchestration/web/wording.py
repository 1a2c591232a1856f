"""What the queue says about states and refusals, in the reader's words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestration.contracts import ActionDetail
from orchestration.policy import PRIOR_BASIS, REJECT_REASONS, Kind, State
from revctx.api.errors import ApiError


@dataclass(frozen=True)
class Note:
    """A banner: `tone` is good, warm, bad or cool."""

    tone: str
    title: str
    text: str


@dataclass(frozen=True)
class Problem:
    """What happened, in the service's words, and what to do about it."""

    title: str
    message: str
    advice: str


_EMAIL: Mapping[State, tuple[str, str, str]] = {
    State.EXECUTING: ("cool", "Being sent", "The e-mail is on its way to the provider."),
    State.EXECUTED: ("good", "Sent", "The provider accepted exactly the text below."),
    State.FAILED: ("bad", "Not sent", "The provider refused it. The account can be drafted for again."),
    State.UNKNOWN: (
        "warm",
        "It may have been sent",
        "The provider did not answer in time. Revctx keeps asking and never sends it twice.",
    ),
}
_TASK: Mapping[State, tuple[str, str, str]] = {
    State.EXECUTING: ("cool", "Being filed", "The task is on its way."),
    State.EXECUTED: ("good", "Task filed", "It is with the account’s owner. Nothing was sent to anybody."),
    State.FAILED: ("bad", "Not filed", "The task could not be filed."),
    State.UNKNOWN: ("warm", "It may have been filed", "The answer is awaited; it is never filed twice."),
}
_ENDED: Mapping[State, tuple[str, str, str]] = {
    State.APPROVED: ("cool", "Approved, on hold", "Nothing has left yet. Undo works until the hold ends."),
    State.REJECTED: ("", "Rejected", "Nothing was sent."),
    State.EXPIRED: ("", "Expired", "Nobody decided in time, so nothing was sent."),
    State.BLOCKED: ("bad", "Blocked before sending", "A last check refused it, so nothing was sent."),
    State.CANCELLED: ("", "Cancelled", "Consent was withdrawn or the person was erased. Nothing was sent."),
    State.SUPERSEDED: ("", "Replaced", "Intent fell or a newer draft took its place. Nothing was sent."),
}
_STALE = {
    "consent": "The contact’s consent no longer allows an e-mail.",
    "intent": "Intent has moved by ten points or more since the text was written.",
}
_TITLES = {403: "You may not do this", 404: "It is gone", 409: "It changed since you looked", 410: "Too late"}
_ADVICE = {
    403: "Ask somebody else to decide.",
    409: "Nothing was sent. Read the current text and decide again.",
    410: "Nothing was sent.",
    422: "Nothing was sent.",
}


def describe_state(detail: ActionDetail) -> Note | None:
    """Return the banner of an action that no longer waits for a decision."""
    state = State(detail.state)
    carried_out = _EMAIL if detail.kind == Kind.EMAIL else _TASK
    found = carried_out.get(state) or _ENDED.get(state)
    if found is None:
        return None
    tone, title, text = found
    reason = _say_reason(detail.reason_code)
    return Note(tone, title, f"{text} Reason: {reason}." if reason else text)


def describe_refusal(error: ApiError) -> Problem:
    """Return what a service's refusal means to the person who pressed the button."""
    return Problem(_TITLES.get(error.status, "It was not done"), error.message, _ADVICE.get(error.status, ""))


def say_why_not_approvable(
    detail: ActionDetail, *, can_approve: bool, claimed_by_other: str, now: datetime
) -> str:
    """Return why the reader can't approve, or an empty string where they can."""
    if not can_approve:
        return "Approving needs the approver role."
    if now >= detail.expires_at:
        return "The time to decide is over; nothing will be sent."
    if detail.own_edit:
        return "You wrote this revision, so another person has to approve it."
    if claimed_by_other:
        return f"{claimed_by_other} is reviewing this."
    if any(check.blocking and not check.ok for check in detail.checks):
        return "A check forbids this text. Edit it, or reject it."
    if detail.kind == Kind.EMAIL and not (detail.contact and detail.contact.consent.allowed):
        return "There is no consent to send this."
    return ""


def describe_stale(detail: ActionDetail) -> list[str]:
    """Return what changed since the text was written, as sentences."""
    return [_STALE.get(code, code.replace("_", " ")) for code in detail.stale]


def say_basis(basis: str) -> str:
    """Return what the two probabilities rest on."""
    if basis == PRIOR_BASIS:
        return "A starting estimate: no decisions have trained it yet."
    return basis


def list_reject_reasons() -> list[tuple[str, str]]:
    """Return the codes and words of the reasons to reject."""
    return [(code, words) for code, (_, words) in REJECT_REASONS.items()]


def _say_reason(code: str) -> str:
    known = REJECT_REASONS.get(code)
    return known[1].lower() if known else code.replace("_", " ")
