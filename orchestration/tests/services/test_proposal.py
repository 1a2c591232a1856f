"""From a crossing to exactly one pending action."""

from uuid import uuid4

import pytest
from django.db import connection

from compliance import consent
from contexts import tasks as contexts_tasks
from orchestration import selectors, tasks
from orchestration.models import Action, ActionRevision, AgentRun, DraftRequest
from orchestration.services import proposal, requests
from orchestration.tests.stories import (
    bridge,
    give_consent,
    heat,
    list_audit,
    make_signals,
    names_of,
    run_engines,
    utc_now,
)
from revctx.eventbus import workitems
from revctx.eventbus.models import OutboxEvent
from signals.services.ingest import ingest_signals

pytestmark = pytest.mark.django_db


class TestPropose:
    def test_a_consented_contact_gets_an_email_with_everything_a_reviewer_needs(self) -> None:
        story = heat()

        action = story.action
        assert (action.kind, action.state, action.version) == ("email", "pending", 1)
        detail = selectors.get_action_detail(action_id=action.id, viewer=1, now=utc_now())
        assert detail.draft.greeting == "Hi Dana,"
        assert detail.draft.recipient_name == "Dana Reyes"
        assert detail.draft.content_hash == action.content_hash
        assert 60 <= detail.draft.words <= 130
        assert detail.contact is not None
        assert detail.contact.consent.allowed
        assert detail.contact.title == "Head of Operations"
        assert [check.ok for check in detail.checks] == [True] * 6
        assert len(detail.reasoning) == 3
        assert all(span.refs for span in detail.reasoning)
        cited = {ref for paragraph in detail.draft.paragraphs for span in paragraph for ref in span.refs}
        assert cited <= {item.ref for item in detail.evidence}
        assert sum(bar.points for bar in detail.account.contributions) == pytest.approx(detail.account.intent)
        assert detail.basis == "prior only"
        assert detail.agent_line.startswith("Template agent · prompt template/1 · pack ")
        assert [entry.name for entry in detail.timeline] == ["action.proposed"]
        assert detail.deal is not None

    def test_without_consent_it_is_a_task_that_sends_nothing(self) -> None:
        story = heat(consented=False)

        action = story.action
        assert (action.kind, action.subject_id, action.contact_id) == ("review_task", None, None)
        detail = selectors.get_action_detail(action_id=action.id, viewer=1, now=utc_now())
        assert detail.contact is None
        assert detail.draft.greeting == ""
        assert detail.draft.subject.startswith("Review: ")

    def test_one_action_however_often_the_event_comes(self) -> None:
        story = heat()
        run_engines()
        tasks.process_work()

        assert Action.objects.filter(account_id=story.account_id).count() == 1
        assert DraftRequest.objects.filter(account_id=story.account_id).count() == 1

    def test_a_request_that_cannot_be_drafted_holds_up_no_other(self) -> None:
        now = utc_now()
        gone = DraftRequest.objects.create(
            crossing_id=uuid4(), account_id=uuid4(), context_version=1, due_at=now, created_at=now
        )

        story = heat()

        assert story.action.state == "pending"
        gone.refresh_from_db()
        assert (gone.state, gone.attempts) == ("open", 1)
        assert gone.due_at > utc_now()

    def test_more_signals_while_hot_make_no_second_action(self) -> None:
        story = heat(crm_id="crm-again")

        ingest_signals(
            drafts=make_signals("crm-again", ["content_download"]), actor="system:test", now=utc_now()
        )
        run_engines()

        assert Action.objects.filter(account_id=story.account_id).count() == 1

    def test_history_audit_and_event_are_written_with_it(self) -> None:
        action = heat().action

        [entry] = list_audit(action.id)
        assert entry["name"] == "action.proposed"
        assert entry["payload"]["content_hash"] == action.content_hash
        assert entry["payload"]["consent"] == "allowed"
        event = OutboxEvent.objects.get(type="action.proposed")
        assert event.key == str(action.account_id)
        assert event.data["action_id"] == str(action.id)

    def test_nothing_personal_stands_in_the_tables(self) -> None:
        story = heat()

        tables = ("actions", "action_revisions", "action_moves", "agent_runs", "draft_requests", "audit_logs")
        with connection.cursor() as cursor:
            for table in (*tables, "outbox_events"):
                cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
                text = str(cursor.fetchone()[0])
                assert "Dana" not in text, table
                assert story.email not in text, table
        revision = ActionRevision.objects.get(action=story.action)
        assert b"Dana" not in bytes(revision.sealed or b"")

    def test_two_drafts_on_different_evidence_show_different_numbers(self) -> None:
        first = heat().action
        second = heat(types=("demo_requested", "pricing_page_view", "trial_started", "meeting_booked")).action

        assert first.p_action != second.p_action
        assert first.p_draft != second.p_draft

    def test_the_cost_ledger_has_every_call(self) -> None:
        story = heat()

        [run] = AgentRun.objects.filter(crossing_id=story.action.crossing_id)
        assert (run.provider, run.outcome, run.micro_dollars) == ("template", "ok", 0)

    def test_consent_withdrawn_while_drafting_leads_to_a_new_draft(self) -> None:
        email = "late@late.test"
        give_consent(email)
        ingest_signals(drafts=make_signals("crm-late", email=email), actor="system:test", now=utc_now())
        bridge()
        contexts_tasks.process_work()
        bridge()
        now = utc_now()
        workitems.process(
            group="orchestration-engine",
            handle=lambda items: requests.note_events(items, now=now),
            limit=100,
            now=now,
        )
        request = proposal.lease_request(now=utc_now())
        assert request is not None
        plan = proposal.make_plan(account_id=request.account_id, now=utc_now())
        assert plan.contact is not None
        consent.revoke(email=email, source="person", actor="system:test", now=utc_now())

        assert proposal.store(request=request, plan=plan, now=utc_now()) is None
        assert tasks.draft_next()

        assert Action.objects.get(account_id=request.account_id).kind == "review_task"

    def test_a_draft_that_comes_too_late_still_costs_what_it_costs(self) -> None:
        now = utc_now()
        request = DraftRequest.objects.create(
            crossing_id="00000000-0000-4000-8000-000000000002",
            account_id=heat().account_id,
            context_version=10_000,
            due_at=now,
            created_at=now,
        )
        plan = proposal.make_plan(account_id=request.account_id, now=now)
        before = AgentRun.objects.count()
        DraftRequest.objects.update(state="superseded")

        assert proposal.store(request=request, plan=plan, now=utc_now()) is None

        assert AgentRun.objects.count() == before + 1

    def test_a_crash_while_drafting_only_repeats_the_drafting(self) -> None:
        now = utc_now()
        request = DraftRequest.objects.create(
            crossing_id="00000000-0000-4000-8000-000000000001",
            account_id=heat().account_id,
            context_version=10_000,
            due_at=now,
            created_at=now,
        )
        assert proposal.lease_request(now=now) is not None
        assert proposal.lease_request(now=now) is None  # held by whoever drafts

        later = now + proposal.LEASE
        again = proposal.lease_request(now=later)

        assert again is not None
        assert again.pk == request.pk
        assert proposal.propose(request=again, now=later) is not None

    def test_after_five_attempts_a_request_is_dead_and_seen(self) -> None:
        now = utc_now()
        request = DraftRequest.objects.create(
            crossing_id="00000000-0000-4000-8000-000000000002",
            account_id="00000000-0000-4000-8000-000000000003",
            context_version=1,
            due_at=now,
            attempts=5,
            created_at=now,
        )

        leased = proposal.lease_request(now=now)

        assert leased is not None
        assert leased.state == "dead"
        assert proposal.propose(request=leased, now=now) is None
        request.refresh_from_db()
        assert request.state == "dead"
        assert requests.reopen_dead(request_ids=[request.pk], actor="user:1", now=now) == 1
        assert selectors.count_due_requests(now=now) == 1
        assert names_of(request.crossing_id) == ["draft.reopened"]
