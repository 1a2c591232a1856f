"""Where orchestration and its connectors hold something about persons."""

from compliance.datamap import (
    BY_ID,
    BY_KEY,
    KEPT,
    UNTIL_ERASURE,
    register,
    register_without_persons,
)

WHY = "outreach that a human approved"


def register_places() -> None:
    """List them."""
    _register_tables()
    register(
        "cache", "enrichment:{", subjects="none", categories="money and rests of an account, by random id",
        purpose="to spend no more than allowed", erased_by=BY_ID, retention="seconds to a day, by Redis",
        safeguards="ids and numbers only",
    )  # fmt: skip
    register_without_persons(
        "accounts by random id, with times, codes and money", "agent_runs", "draft_requests",
        "enrichment_spend",
    )  # fmt: skip


def _register_tables() -> None:
    register(
        "table", "actions", categories="random ids, evidence as ids", purpose=WHY, erased_by=BY_ID,
        retention=UNTIL_ERASURE,
    )  # fmt: skip
    register(
        "table", "action_revisions", categories="drafts (sealed)", purpose=WHY,
        erased_by="orchestration.actions", retention="drafts",
    )  # fmt: skip
    register(
        "table", "approvals", categories="notes of reviewers (sealed)", purpose="to prove who decided",
        subjects="business contacts, staff", erased_by=BY_KEY, retention=UNTIL_ERASURE,
    )  # fmt: skip
    register(
        "table", "executions", categories="the sending service's id of a letter", purpose=WHY,
        erased_by=BY_ID, retention=KEPT,
        safeguards="leads to a person only at the service, which is told to forget them",
    )  # fmt: skip
    register(
        "table", "action_moves", subjects="staff", categories="who moved an action, by number",
        purpose="to prove who decided", erased_by=BY_ID, retention=KEPT,
        safeguards="numbers of accounts only",
    )  # fmt: skip
