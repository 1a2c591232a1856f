"""Random sequences of everything that can happen to an action keep every promise."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from integrations.sandbox.server import SandboxServer
from integrations.sandbox.store import Fault
from orchestration import tasks
from orchestration.models import Action, ActionMove, Approval, DraftRequest, Execution
from orchestration.policy import COUNTED_STATES, FINAL_STATES, MOVES, State
from orchestration.services import approval, execution, expiry, requests
from orchestration.tests.stories import heat, list_audit, make_user, utc_now
from revctx.api.errors import ApiError
from revctx.eventbus.models import OutboxEvent

USERS = st.integers(0, 1)
LEGAL = {
    (source.value if source else "", rule.target.value) for rule in MOVES.values() for source in rule.sources
}


class ActionMachine(RuleBasedStateMachine):
    """One action, two people, a clock that only goes forward, and a provider that may fail."""

    sandbox: SandboxServer
    users: list[User]
    account_id: UUID

    @initialize()
    def start(self) -> None:
        """Let a further crossing of the same account lead to an action."""
        self.sandbox.store.reset()
        self.now: datetime = utc_now()
        version = DraftRequest.objects.count() + 10_000
        DraftRequest.objects.create(
            crossing_id=uuid4(),
            account_id=self.account_id,
            context_version=version,
            due_at=self.now,
            created_at=self.now,
        )
        assert tasks.draft_next()
        self.action_id = Action.objects.get(context_version=version).id
        self.final: tuple[str, int] | None = None

    @property
    def action(self) -> Action:
        return Action.objects.get(pk=self.action_id)

    def attempt(self, service: Any, user: int, **fields: Any) -> None:
        with suppress(ApiError):
            service(action_id=self.action_id, actor_user_id=self.users[user].pk, now=self.now, **fields)

    @rule(user=USERS, stale=st.booleans())
    def approve(self, user: int, stale: bool) -> None:
        action = self.action
        seen = "0" * 64 if stale else action.content_hash
        self.attempt(approval.approve, user, version=action.version, content_hash=seen)

    @rule(user=USERS)
    def reject(self, user: int) -> None:
        self.attempt(approval.reject, user, version=self.action.version, reason_code="timing")

    @rule(user=USERS)
    def edit(self, user: int) -> None:
        self.attempt(approval.edit, user, version=self.action.version, subject="Some other words")

    @rule(user=USERS)
    def undo(self, user: int) -> None:
        self.attempt(approval.undo, user)

    @rule(user=USERS)
    def claim(self, user: int) -> None:
        self.attempt(approval.claim, user)

    @rule(user=USERS)
    def release(self, user: int) -> None:
        self.attempt(approval.release, user)

    @rule(seconds=st.sampled_from([1, 31, 61, 400]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.action.state in {"pending", "approved"})
    @rule()
    def expire(self) -> None:
        self.now = max(self.now, self.action.expires_at)
        expiry.expire_pending(now=self.now)

    @rule()
    def revoke(self) -> None:
        subject_id = self.action.subject_id
        assert subject_id is not None
        requests.cancel_for_subject(subject_id=subject_id, reason_code="consent_revoked", now=self.now)

    @rule(fault=st.sampled_from(["", "lost_answer", "hang_up", "status", "crash_before", "crash_after"]))
    def execute(self, fault: str) -> None:
        if self.action_id not in execution.list_due(now=self.now):
            return
        dispatch = execution.start(action_id=self.action_id, now=self.now)
        if dispatch is None or fault == "crash_before":
            return
        if fault in {"lost_answer", "hang_up", "status"}:
            self.sandbox.store.add_fault(Fault(kind=fault, path="/mailings", status=422))
        outcome = execution.call_provider(dispatch)
        if fault != "crash_after":
            execution.finish(execution_id=dispatch.execution_id, outcome=outcome, now=self.now)

    @rule()
    def reconcile(self) -> None:
        while unsettled := execution.lease_unsettled(now=self.now):
            execution.reconcile(execution=unsettled, now=self.now)

    @invariant()
    def history_is_legal_and_told(self) -> None:
        if not hasattr(self, "action_id"):
            return
        moves = list(ActionMove.objects.filter(action_id=self.action_id).order_by("version"))
        action = self.action
        assert [move.version for move in moves] == list(range(1, action.version + 1))
        assert all((move.from_state, move.to_state) in LEGAL for move in moves)
        assert moves[-1].to_state == action.state
        audited = [row["name"] for row in list_audit(self.action_id)]
        assert [name for name in audited if name not in {"action.claimed", "action.released"}] == [
            move.name for move in moves
        ]
        told = OutboxEvent.objects.filter(data__action_id=str(self.action_id)).count()
        assert told == len(moves)

    @invariant()
    def at_most_one_letter_and_only_if_approved(self) -> None:
        if not hasattr(self, "action_id"):
            return
        mailings = self.sandbox.store.list("mailings")
        assert len(mailings) <= 1
        executions = list(Execution.objects.filter(action_id=self.action_id))
        assert len(executions) <= 1
        for done in executions:
            newest = Approval.objects.filter(action_id=self.action_id).order_by("-id").first()
            assert newest is not None
            assert (done.approval_id, newest.decision) == (newest.pk, "approved")
            assert newest.content_hash == self.action.content_hash
            assert done.state == self.action.state
        if mailings:
            assert State(self.action.state) in COUNTED_STATES

    @invariant()
    def final_is_final(self) -> None:
        if not hasattr(self, "action_id"):
            return
        action = self.action
        if self.final is not None:
            assert (action.state, action.version) == self.final
        if State(action.state) in FINAL_STATES:
            self.final = (action.state, action.version)


ActionMachine.TestCase.settings = hypothesis_settings(
    max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)


class TestActionMachine(TestCase):
    """Runs the machine, each sequence in a transaction of its own."""

    @pytest.fixture(autouse=True)
    def _sandbox(self, sandbox: SandboxServer, settings: Any) -> None:
        settings.EMAIL_DAILY_LIMIT_PER_ACCOUNT = 1_000
        ActionMachine.sandbox = sandbox

    def test_everything_that_can_happen(self) -> None:
        ActionMachine.account_id = heat().account_id
        ActionMachine.users = [make_user("one"), make_user("two")]

        run_state_machine_as_test(ActionMachine, settings=ActionMachine.TestCase.settings)
