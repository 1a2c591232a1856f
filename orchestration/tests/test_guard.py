"""The database's own refusals, asked directly as the role that the product works as."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, connections, transaction

from compliance import consent, erasure, suppressions
from integrations.sandbox.server import SandboxServer
from orchestration import tasks
from orchestration.models import Action
from orchestration.services import approval, execution
from orchestration.tests.stories import approve, give_consent, heat, make_user, utc_now

ACTOR = "system:test"
EXECUTE = "UPDATE actions SET state = 'executing', version = version + 1 WHERE id = %s"
MOVE = "UPDATE actions SET state = %s, version = version + 1 WHERE id = %s"


@pytest.fixture(autouse=True)
def _no_hold(settings: Any) -> None:
    settings.APPROVAL_HOLD_SECONDS = 0


@pytest.fixture
def story(db: None) -> Any:
    return heat()


@pytest.fixture
def action(story: Any, approver: User) -> Action:
    """An approved e-mail with a fresh decision to allow it: nothing is missing."""
    approved = approve(story.action, approver)
    decide(approved)
    return approved


def decide(action: Action) -> consent.ConsentDecision:
    return consent.record_decision(subject_id=action.subject_id, actor=ACTOR, now=utc_now())


def run(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def refusal_of(statement: str, *values: object) -> str:
    """Return why the database refuses a statement; the test's transaction goes on."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        run(statement, *values)
    assert isinstance(refusal.value.__cause__, psycopg.errors.CheckViolation)
    return str(refusal.value)


@pytest.mark.django_db
class TestEnteringExecuting:
    def test_works_as_the_application_s_role(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone()[0] == "revctx_app"

    def test_is_let_through_when_nothing_is_missing(self, action: Action) -> None:
        run(EXECUTE, action.pk)

        action.refresh_from_db()
        assert action.state == "executing"

    def test_needs_an_approval(self, story: Any) -> None:
        decide(story.action)

        assert "nobody approved" in refusal_of(MOVE, "approved", story.action.pk)
        assert "nobody approved" in refusal_of(EXECUTE, story.action.pk)

    def test_needs_an_approval_that_was_not_taken_back(
        self, settings: Any, action: Action, approver: User
    ) -> None:
        settings.APPROVAL_HOLD_SECONDS = 30
        Action.objects.filter(pk=action.pk).update(execute_after=utc_now() + execution.SETTLING)
        approval.undo(action_id=action.pk, actor_user_id=approver.pk, now=utc_now())

        assert "nobody approved" in refusal_of(EXECUTE, action.pk)

    @pytest.mark.parametrize("change", ["content_hash = repeat('0', 64)", "revision = revision + 1"])
    def test_needs_an_approval_of_exactly_this_text(self, action: Action, change: str) -> None:
        statement = f"UPDATE actions SET state = 'executing', version = version + 1, {change} WHERE id = %s"

        assert "nobody approved exactly this text" in refusal_of(statement, action.pk)

    @pytest.mark.parametrize("change", ["kind = 'review_task'", "subject_id = gen_random_uuid()"])
    def test_cannot_be_had_by_renaming_what_the_action_is(self, action: Action, change: str) -> None:
        together = f"UPDATE actions SET state = 'executing', version = version + 1, {change} WHERE id = %s"
        before = f"UPDATE actions SET {change} WHERE id = %s"

        assert "cannot change" in refusal_of(together, action.pk)
        assert "cannot change" in refusal_of(before, action.pk)

    def test_needs_a_decision(self, story: Any, approver: User) -> None:
        approved = approve(story.action, approver)

        assert "no live consent: no_decision" in refusal_of(EXECUTE, approved.pk)

    def test_needs_a_decision_that_allows(self, action: Action) -> None:
        consent.revoke(subject_id=action.subject_id, source="person", actor=ACTOR, now=utc_now())
        assert not decide(action).allowed

        assert "no live consent: denied" in refusal_of(EXECUTE, action.pk)

    def test_needs_a_time_of_decision_that_only_the_database_names(self, action: Action) -> None:
        forged = (
            "INSERT INTO consent_decisions (subject_id, purpose, channel, allowed, reason, actor, decided_at,"
            " recorded_at) VALUES (%s, 'outreach', 'email', false, 'revoked', 'system:test', now(), now())"
        )

        with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
            cursor.execute(forged, [action.subject_id])

    def test_needs_a_decision_on_the_newest_statement(self, story: Any, action: Action) -> None:
        give_consent(story.email)

        assert "no live consent: consent_changed" in refusal_of(EXECUTE, action.pk)

    def test_needs_a_consent_that_was_not_withdrawn_since(self, action: Action) -> None:
        consent.revoke(subject_id=action.subject_id, source="person", actor=ACTOR, now=utc_now())

        assert "no live consent: consent_changed" in refusal_of(EXECUTE, action.pk)

    def test_needs_an_address_that_is_not_suppressed(self, story: Any, action: Action) -> None:
        suppressions.suppress(address=story.email, reason="erased", now=utc_now())

        assert "no live consent: suppressed" in refusal_of(EXECUTE, action.pk)
        assert decide(action).reason == "suppressed"

    def test_needs_a_person_who_was_not_erased(self, action: Action, monkeypatch: Any) -> None:
        """Were the eraser that cancels forgotten, the database would still refuse."""
        monkeypatch.setattr(erasure, "_erasers", {})
        erasure.erase(subject_id=action.subject_id, actor=ACTOR, now=utc_now())

        assert "no live consent: erased" in refusal_of(EXECUTE, action.pk)

    def test_asks_no_consent_of_a_task(self, approver: User) -> None:
        task = approve(heat(consented=False).action, approver)

        run(EXECUTE, task.pk)

        task.refresh_from_db()
        assert (task.kind, task.state) == ("review_task", "executing")

    def test_a_service_that_forgot_to_ask_is_stopped_and_nothing_goes(
        self, action: Action, sandbox: SandboxServer, monkeypatch: Any
    ) -> None:
        consent.revoke(subject_id=action.subject_id, source="person", actor=ACTOR, now=utc_now())
        forged = consent.ConsentDecision(
            allowed=True, reason="allowed", revision_id=None, decided_at=utc_now()
        )
        monkeypatch.setattr(consent, "record_decision", lambda **_: forged)

        tasks.execute_due()

        action.refresh_from_db()
        assert (action.state, action.reason_code) == ("blocked", "guard_refused")
        assert sandbox.store.list("mailings") == []


@pytest.mark.django_db
class TestOutcomes:
    @pytest.mark.parametrize("outcome", ["executed", "failed", "unknown"])
    def test_are_reached_from_nothing_but_executing(self, story: Any, approver: User, outcome: str) -> None:
        assert "is reached from" in refusal_of(MOVE, outcome, story.action.pk)
        approved = approve(story.action, approver)

        assert "is reached from" in refusal_of(MOVE, outcome, approved.pk)

    @pytest.mark.parametrize("outcome", ["executed", "failed", "unknown"])
    @pytest.mark.parametrize("meanwhile", ["revoked", "erased", "suppressed"])
    def test_are_recorded_whatever_happened_since_the_call(
        self, story: Any, action: Action, outcome: str, meanwhile: str
    ) -> None:
        run(EXECUTE, action.pk)
        if meanwhile == "revoked":
            consent.revoke(subject_id=action.subject_id, source="person", actor=ACTOR, now=utc_now())
        elif meanwhile == "erased":
            erasure.erase(subject_id=action.subject_id, actor=ACTOR, now=utc_now())
        else:
            suppressions.suppress(address=story.email, reason="erased", now=utc_now())

        run("UPDATE actions SET state = %s WHERE id = %s", outcome, action.pk)  # not even a higher version
        run(MOVE, "executed" if outcome == "unknown" else outcome, action.pk)

        action.refresh_from_db()
        assert action.state == ("executed" if outcome == "unknown" else outcome)

    def test_are_the_only_way_on_and_the_end(self, action: Action) -> None:
        run(EXECUTE, action.pk)
        for state in ("pending", "approved", "cancelled", "blocked"):
            assert "no move leads" in refusal_of(MOVE, state, action.pk)
        run(MOVE, "executed", action.pk)

        for state in ("executing", "pending", "approved", "cancelled"):
            assert "no move leads" in refusal_of(MOVE, state, action.pk)

    def test_a_text_stays_what_was_approved(self, action: Action) -> None:
        change = "UPDATE actions SET content_hash = repeat('0', 64) WHERE id = %s"

        assert "cannot change" in refusal_of(change, action.pk)


def connect(alias: str = "default") -> psycopg.Connection:
    config = django_settings.DATABASES[alias]
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    return psycopg.connect(**{key: config[name] for key, name in names.items()})


@pytest.fixture
def executor() -> Iterator[psycopg.Connection]:
    """A second connection as the application's role, with a transaction of its own."""
    with connect() as other:
        yield other
        other.rollback()


def in_thread(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> Future:
    def closing() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    return pool.submit(closing)


def wait_until_blocked(watcher: psycopg.Connection) -> None:
    deadline = monotonic() + 10
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
    while watcher.execute(blocked).fetchone() == (0,):
        assert monotonic() < deadline, "nobody waits"
        sleep(0.01)
        watcher.rollback()


WITHDRAWALS = {
    "revoke": lambda action: consent.revoke(
        subject_id=action.subject_id, source="person", actor=ACTOR, now=datetime.now(UTC)
    ),
    "erase": lambda action: erasure.erase(subject_id=action.subject_id, actor=ACTOR, now=datetime.now(UTC)),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", WITHDRAWALS)
class TestRaces:
    """Two connections, each in its own transaction; one has to wait for the other."""

    def test_a_withdrawal_waits_for_an_execution_that_has_begun(
        self, name: str, executor: psycopg.Connection
    ) -> None:
        action = approve(heat().action, make_user("one"))
        decide(action)
        executor.execute(EXECUTE, [action.pk])

        with ThreadPoolExecutor(1) as pool, connect() as watcher:
            withdrawal = in_thread(pool, lambda: WITHDRAWALS[name](action))
            wait_until_blocked(watcher)
            assert not withdrawal.done()
            executor.commit()
            withdrawal.result(timeout=10)

        action.refresh_from_db()
        assert action.state == "executing"
        assert not consent.decide(subject_id=action.subject_id, now=utc_now()).allowed

    def test_an_execution_waits_for_a_withdrawal_and_is_refused(
        self, name: str, executor: psycopg.Connection
    ) -> None:
        action = approve(heat().action, make_user("one"))
        decide(action)
        with ThreadPoolExecutor(1) as pool, connect() as watcher:
            with transaction.atomic():
                WITHDRAWALS[name](action)
                attempt = pool.submit(lambda: executor.execute(EXECUTE, [action.pk]))
                wait_until_blocked(watcher)

            with pytest.raises(psycopg.errors.CheckViolation):
                attempt.result(timeout=10)

        action.refresh_from_db()
        assert action.state != "executing"


@pytest.mark.django_db(transaction=True)
class TestIsolation:
    @pytest.mark.parametrize(("seconds", "refused"), [(50, False), (61, True)])
    def test_a_decision_holds_for_a_minute(
        self, executor: psycopg.Connection, seconds: int, refused: bool
    ) -> None:
        action = approve(heat().action, make_user("one"))
        decision = consent.decide(subject_id=action.subject_id, now=utc_now())
        with connect("owner") as owner:  # the application may not name the time of recording
            owner.execute(
                "INSERT INTO consent_decisions (subject_id, purpose, channel, allowed, reason, revision_id,"
                " actor, decided_at, recorded_at) VALUES (%s, 'outreach', 'email', true, 'allowed', %s,"
                " 'system:test', now(), now() - make_interval(secs => %s))",
                [action.subject_id, decision.revision_id, seconds],
            )

        if refused:
            with pytest.raises(psycopg.errors.CheckViolation, match="decision_too_old"):
                executor.execute(EXECUTE, [action.pk])
        else:
            executor.execute(EXECUTE, [action.pk])

    def test_a_consent_that_runs_out_while_the_execution_waits_is_none(
        self, executor: psycopg.Connection
    ) -> None:
        story = heat()
        action = approve(story.action, make_user("one"))
        ends = utc_now() + timedelta(seconds=3)
        details = {"jurisdiction": "EU", "notice_version": "v3", "source": "form", "actor": ACTOR}
        consent.grant(email=story.email, **details, now=utc_now(), expires_at=ends)
        assert decide(action).allowed

        with ThreadPoolExecutor(1) as pool, connect() as holder, connect() as watcher:
            holder.execute("SELECT FROM subjects WHERE id = %s FOR NO KEY UPDATE", [action.subject_id])
            attempt = pool.submit(lambda: executor.execute(EXECUTE, [action.pk]))
            wait_until_blocked(watcher)
            sleep(max(0.0, (ends - utc_now()).total_seconds()) + 0.1)
            holder.rollback()

            with pytest.raises(psycopg.errors.CheckViolation, match="consent_changed"):
                attempt.result(timeout=10)

    def test_a_snapshot_of_before_the_withdrawal_is_not_trusted(self, executor: psycopg.Connection) -> None:
        action = approve(heat().action, make_user("one"))
        decide(action)
        executor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        executor.execute("SELECT 1 FROM actions")
        consent.revoke(subject_id=action.subject_id, source="person", actor=ACTOR, now=utc_now())

        with pytest.raises(psycopg.errors.CheckViolation, match="stale_snapshot"):
            executor.execute(EXECUTE, [action.pk])

    def test_executions_and_withdrawals_at_once_never_send_after_the_withdrawal(
        self, sandbox: SandboxServer
    ) -> None:
        user = make_user("one")
        actions = [approve(heat().action, user) for _ in range(6)]
        with ThreadPoolExecutor(4) as pool:
            jobs = [
                in_thread(pool, lambda action=action, work=work: work(action))
                for action in actions
                for work in (lambda a: tasks.execute_one(a.pk), WITHDRAWALS["revoke"])
            ]
            for job in jobs:
                job.result(timeout=30)

        states = sorted(Action.objects.filter(pk__in=[a.pk for a in actions]).values_list("state", flat=True))
        assert set(states) <= {"executed", "blocked"}
        assert len(sandbox.store.list("mailings")) == states.count("executed")
