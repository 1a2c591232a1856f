"""Carrying out: once, only what was approved, within the limit, and honest about what is not known."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from compliance import consent
from integrations.sandbox.server import SandboxServer
from integrations.sandbox.store import Fault
from orchestration import tasks
from orchestration.models import Action, ActionRevision, Execution
from orchestration.services import execution
from orchestration.tests.stories import approve, heat, list_audit, names_of, utc_now
from revctx.eventbus.models import OutboxEvent
from revctx.observability.context import bind_request_id

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_hold(settings: Any) -> None:
    settings.APPROVAL_HOLD_SECONDS = 0


@pytest.fixture
def approved(approver: User) -> Action:
    return approve(heat().action, approver)


def mailings(sandbox: SandboxServer) -> list[dict[str, Any]]:
    return sandbox.store.list("mailings")


def ask_again(*, after: timedelta) -> None:
    """Let the reconciler pass when `after` has gone by."""
    now = utc_now() + after
    while unsettled := execution.lease_unsettled(now=now):
        execution.reconcile(execution=unsettled, now=now)


class TestExecuteDue:
    def test_one_that_cannot_be_opened_does_not_hold_up_the_others(
        self, approver: User, sandbox: SandboxServer
    ) -> None:
        broken, fine = approve(heat().action, approver), approve(heat().action, approver)
        ActionRevision.objects.filter(action=broken).update(sealed=b"not what was sealed")

        tasks.execute_due()

        states = [Action.objects.get(pk=action.pk).state for action in (broken, fine)]
        assert states == ["approved", "executed"]

    def test_exactly_the_approved_text_goes_out_once(self, approver: User, sandbox: SandboxServer) -> None:
        story = heat()
        action = approve(story.action, approver)

        tasks.execute_due()
        tasks.execute_due()

        action.refresh_from_db()
        assert action.state == "executed"
        [mailing] = mailings(sandbox)
        [prospect] = sandbox.store.list("prospects")
        assert prospect["attributes"]["emails"] == [story.email]
        assert prospect["attributes"]["externalId"] == str(action.subject_id)
        body = mailing["attributes"]["bodyText"]
        assert body.startswith("Hi Dana,")
        assert f"/api/unsubscribe/{action.id}" in body
        assert "List-Unsubscribe" in mailing["attributes"]["headers"]
        assert names_of(action.id)[-2:] == ["action.started", "action.executed"]
        done = Execution.objects.get(action=action)
        assert (done.state, done.external_id) == ("executed", mailing["id"])
        assert OutboxEvent.objects.filter(type="action.executed").count() == 1

    def test_a_task_is_filed_without_consent(self, approver: User, sandbox: SandboxServer) -> None:
        action = approve(heat(consented=False).action, approver)

        tasks.execute_due()

        action.refresh_from_db()
        assert action.state == "executed"
        [task] = sandbox.store.list("tasks")
        assert task["attributes"]["subject"].startswith("Review: ")
        assert mailings(sandbox) == []

    def test_nothing_goes_before_the_hold_is_over(
        self, settings: Any, approver: User, sandbox: SandboxServer
    ) -> None:
        settings.APPROVAL_HOLD_SECONDS = 30
        approve(heat().action, approver)

        tasks.execute_due()

        assert mailings(sandbox) == []

    def test_the_request_id_of_the_signal_reaches_the_audit_row(self, approver: User) -> None:
        with bind_request_id("trace-123"):
            story = heat()
        action = approve(story.action, approver)

        tasks.execute_due()

        rows = {row["name"]: row["request_id"] for row in list_audit(action.id)}
        assert rows["action.proposed"] == rows["action.executed"] == "trace-123"

    def test_withdrawn_consent_blocks(self, approved: Action, sandbox: SandboxServer) -> None:
        consent.revoke(subject_id=approved.subject_id, source="person", actor="system:test", now=utc_now())

        tasks.execute_due()

        approved.refresh_from_db()
        assert (approved.state, approved.reason_code) == ("blocked", "consent_revoked")
        assert mailings(sandbox) == []

    def test_a_text_that_was_changed_behind_our_back_is_blocked(
        self, approved: Action, sandbox: SandboxServer
    ) -> None:
        other = heat().action
        foreign = ActionRevision.objects.get(action=other)
        ActionRevision.objects.filter(action=approved).update(content_hash=foreign.content_hash, sealed=None)

        tasks.execute_due()

        approved.refresh_from_db()
        assert (approved.state, approved.reason_code) == ("blocked", "content_changed")
        assert mailings(sandbox) == []

    def test_the_daily_limit_counts_what_may_have_gone_out(
        self, settings: Any, approved: Action, sandbox: SandboxServer
    ) -> None:
        settings.EMAIL_DAILY_LIMIT_PER_ACCOUNT = 0

        tasks.execute_due()

        approved.refresh_from_db()
        assert (approved.state, approved.reason_code) == ("blocked", "daily_limit")
        assert mailings(sandbox) == []


class TestFaults:
    def test_a_refusal_fails_it(self, approved: Action, sandbox: SandboxServer) -> None:
        sandbox.store.add_fault(Fault(kind="status", path="/mailings", status=422))

        tasks.execute_due()

        approved.refresh_from_db()
        assert (approved.state, approved.reason_code) == ("failed", "status_422")

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(kind="lost_answer", path="/mailings"),
            Fault(kind="malformed", path="/mailings"),
        ],
        ids=lambda fault: fault.kind,
    )
    def test_a_lost_answer_is_unknown_and_settled_by_asking(
        self, approved: Action, sandbox: SandboxServer, fault: Fault
    ) -> None:
        sandbox.store.add_fault(Fault(kind=fault.kind, path=fault.path))

        tasks.execute_due()

        approved.refresh_from_db()
        assert approved.state == "unknown"
        assert len(mailings(sandbox)) == 1

        ask_again(after=timedelta(seconds=61))

        approved.refresh_from_db()
        assert approved.state == "executed"
        assert len(mailings(sandbox)) == 1
        assert names_of(approved.id)[-3:] == ["action.started", "action.doubted", "action.executed"]

    def test_a_call_that_never_arrived_fails_without_being_repeated(
        self, approved: Action, sandbox: SandboxServer
    ) -> None:
        sandbox.store.add_fault(Fault(kind="hang_up", path="/mailings"))
        tasks.execute_due()

        ask_again(after=timedelta(seconds=30))
        approved.refresh_from_db()
        assert approved.state == "unknown"  # too early to conclude anything
        ask_again(after=timedelta(seconds=61))

        approved.refresh_from_db()
        assert (approved.state, approved.reason_code) == ("failed", "never_arrived")
        assert mailings(sandbox) == []

    def test_while_the_provider_cannot_say_it_stays_unknown(
        self, approved: Action, sandbox: SandboxServer
    ) -> None:
        sandbox.store.add_fault(Fault(kind="lost_answer", path="/mailings", method="POST"))
        sandbox.store.add_fault(Fault(kind="status", path="/mailings", method="GET", status=503, times=3))
        tasks.execute_due()

        ask_again(after=timedelta(seconds=61))
        approved.refresh_from_db()
        assert approved.state == "unknown"
        ask_again(after=timedelta(minutes=10))

        approved.refresh_from_db()
        assert approved.state == "executed"

    @pytest.mark.parametrize("arrived", [True, False])
    def test_a_process_that_died_in_between_is_settled_by_asking(
        self, approved: Action, sandbox: SandboxServer, arrived: bool
    ) -> None:
        dispatch = execution.start(action_id=approved.id, now=utc_now())
        assert dispatch is not None
        if arrived:
            execution.call_provider(dispatch)

        tasks.execute_due()
        approved.refresh_from_db()
        assert approved.state == "executing"
        ask_again(after=timedelta(seconds=61))

        approved.refresh_from_db()
        assert approved.state == ("executed" if arrived else "failed")
        assert len(mailings(sandbox)) == int(arrived)

    def test_an_unreachable_provider_fails_it_and_nothing_was_sent(
        self, settings: Any, approved: Action
    ) -> None:
        settings.OUTREACH_BASE_URL = "http://127.0.0.1:1/api/v2"

        tasks.execute_due()

        approved.refresh_from_db()
        assert (approved.state, approved.reason_code) == ("failed", "unreachable")

    def test_a_late_result_does_not_overwrite_a_settled_one(self, approved: Action) -> None:
        dispatch = execution.start(action_id=approved.id, now=utc_now())
        assert dispatch is not None
        outcome = execution.call_provider(dispatch)
        execution.finish(execution_id=dispatch.execution_id, outcome=outcome, now=utc_now())

        execution.finish(
            execution_id=dispatch.execution_id,
            outcome=execution.Outcome(move=execution.Move.FAIL, error_code="late"),
            now=utc_now(),
        )

        approved.refresh_from_db()
        assert approved.state == "executed"
