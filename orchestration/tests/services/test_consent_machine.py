"""Random sequences of consent, approval, editing and execution: nothing goes without all of them at once."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
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

from compliance import consent, erasure, subjects
from integrations.sandbox.server import SandboxServer
from orchestration import tasks
from orchestration.models import Action, DraftRequest, Execution
from orchestration.services import approval
from orchestration.tests.stories import Story, bridge, heat, make_user, utc_now
from revctx.api.errors import ApiError

ACTOR = "system:test"
USERS = st.integers(0, 1)


class ConsentMachine(RuleBasedStateMachine):
    """One letter to one person, beside a model that knows what was said, approved and sent."""

    sandbox: SandboxServer
    users: list[User]
    story: Story

    @initialize()
    def begin(self) -> None:
        """Take the story's letter, as it was drafted for a person who consents."""
        self.sandbox.store.reset()
        self.savepoint = transaction.savepoint()
        self.subject_id: UUID = self.first.subject_id
        self.action_id = self.first.id
        self.consented, self.erased = True, False
        self.approved: str | None = None  # the hash that a person approved and that still stands
        self.sent = 0

    @property
    def first(self) -> Action:
        return Action.objects.filter(account_id=self.story.account_id, kind="email").latest("created_at")

    @property
    def action(self) -> Action:
        return Action.objects.get(pk=self.action_id)

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.savepoint_rollback(self.savepoint)

    @precondition(lambda self: not self.erased)
    @rule(jurisdiction=st.sampled_from(["EU", "US-CA", "ZZ", "AT"]))
    def grant(self, jurisdiction: str) -> None:
        """A consent counts where its law is known and asks for no confirmation."""
        consent.grant(
            email=self.story.email,
            jurisdiction=jurisdiction,
            notice_version="v3",
            source="form",
            actor=ACTOR,
            now=utc_now(),
        )
        self.consented = jurisdiction in {"EU", "US-CA"}

    @rule()
    def revoke(self) -> None:
        with suppress(consent.UnknownSubject):
            consent.revoke(subject_id=self.subject_id, source="person", actor=ACTOR, now=utc_now())
        self.consented = False

    @rule()
    def erase(self) -> None:
        erasure.erase(subject_id=self.subject_id, actor=ACTOR, now=utc_now())
        self.consented, self.erased = False, True

    @rule(user=USERS)
    def approve(self, user: int) -> None:
        action = self.action
        with suppress(ApiError):
            approval.approve(
                action_id=action.id,
                version=action.version,
                content_hash=action.content_hash,
                actor_user_id=self.users[user].pk,
                now=utc_now(),
            )
            self.approved = action.content_hash

    @rule(user=USERS, subject=st.sampled_from(["Some other words", "Still other words"]))
    def edit(self, user: int, subject: str) -> None:
        action = self.action
        with suppress(ApiError):
            approval.edit(
                action_id=action.id,
                version=action.version,
                actor_user_id=self.users[user].pk,
                subject=subject,
                now=utc_now(),
            )

    @rule()
    def tell_the_engines(self) -> None:
        """Withdrawals reach the queue late, or never: nothing may depend on it."""
        bridge()
        DraftRequest.objects.filter(state="open").update(state="superseded")
        tasks.process_work()

    @rule()
    def execute(self) -> None:
        allowed = self.consented and self.action.content_hash == self.approved
        due = self.action.state == "approved"
        before = Execution.objects.filter(action_id=self.action_id).count()

        tasks.execute_one(self.action_id)

        went = Execution.objects.filter(action_id=self.action_id).count() - before
        assert went == int(due and allowed)
        self.sent += went

    @rule(decides=st.booleans(), state=st.sampled_from(["executing", "executed", "unknown"]))
    def force(self, decides: bool, state: str) -> None:
        """Move the row by hand, as broken code would; let through only when everything is there."""
        before = self.action
        sid = transaction.savepoint()
        if decides and not self.erased:
            consent.record_decision(subject_id=self.subject_id, actor=ACTOR, now=utc_now())
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE actions SET state = %s, version = version + 1 WHERE id = %s",
                    [state, self.action_id],
                )
        except IntegrityError:
            through = False
        else:
            through = before.state != state
        transaction.savepoint_rollback(sid)
        if through:
            assert state == "executing"
            assert before.state == "approved"
            assert self.consented
            assert before.content_hash == self.approved

    @invariant()
    def sent_once_at_most_and_only_as_told(self) -> None:
        if not hasattr(self, "sent"):
            return
        assert len(self.sandbox.store.list("mailings")) == self.sent <= 1
        assert (self.subject_id in subjects.list_erased([self.subject_id])) == self.erased
        assert consent.decide(subject_id=self.subject_id, now=utc_now()).allowed == self.consented


def run_machine(examples: int, steps: int) -> None:
    ConsentMachine.story = heat()
    ConsentMachine.users = [make_user("one"), make_user("two")]
    run_state_machine_as_test(
        ConsentMachine,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class TestConsentMachine(TestCase):
    """Runs the machine; each sequence ends by rolling back to the story as it was."""

    @pytest.fixture(autouse=True)
    def _sandbox(self, sandbox: SandboxServer, settings: Any) -> None:
        settings.EMAIL_DAILY_LIMIT_PER_ACCOUNT = 1_000
        settings.APPROVAL_HOLD_SECONDS = 0
        ConsentMachine.sandbox = sandbox

    def test_nothing_goes_without_consent_and_approval_at_once(self) -> None:
        run_machine(examples=10, steps=10)

    @pytest.mark.long
    def test_nothing_goes_without_them_in_many_more_sequences(self) -> None:
        run_machine(examples=1_000, steps=30)
