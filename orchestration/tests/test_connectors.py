"""What the connectors do for an action, from the approval to the erasure of the person."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from werkzeug import Response

from compliance import subjects
from compliance.privacy import execution as privacy
from compliance.privacy import registry, requests
from integrations.outreach.client import BREAKER
from integrations.salesforce import oauth
from integrations.sandbox.store import Fault
from orchestration import tasks
from orchestration.models import Execution
from orchestration.tests.services.test_execution import ask_again
from orchestration.tests.stories import approve, heat, utc_now

TASK = re.compile(r"/services/data/v62\.0/sobjects/Task/Revctx_Key__c/.+")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_hold(settings):
    settings.APPROVAL_HOLD_SECONDS = 0


class TestErasure:
    @pytest.fixture(autouse=True)
    def _journal(self, settings, tmp_path):
        settings.ERASURE_JOURNAL_DIR = str(tmp_path / "journal")

    def erase(self, story):
        request = requests.create_request(
            type="erasure", email=story.email, jurisdiction="DE", verified_by="officer", actor="user:1",
            now=utc_now(),
        )  # fmt: skip
        self.run(request)
        return request

    def run(self, request, after=timedelta(0)):
        privacy.run_request(request_id=request.id, now=utc_now() + after)
        request.refresh_from_db()

    def test_outreach_forgets_the_person_before_the_request_is_complete(self, approver, sandbox):
        story, other = heat(), heat()
        for told in (story, other):
            approve(told.action, approver)
        tasks.execute_due()
        assert len(sandbox.store.list("mailings")) == 2
        sandbox.store.add_fault(Fault(kind="status", path="/prospects", method="DELETE", status=403))

        request = self.erase(story)
        assert request.state == "awaiting_connector"
        self.run(request, timedelta(hours=2))

        assert request.state == "complete"
        [left] = sandbox.store.list("prospects")
        assert left["attributes"]["emails"] == [other.email]
        assert len(sandbox.store.list("mailings")) == 1

    def test_who_was_never_written_to_is_not_asked_about(self, sandbox):
        request = self.erase(heat())

        assert request.state == "complete"
        assert not any("prospects" in call for call in sandbox.store.calls)

    def test_an_outage_is_no_answer(self, approver, sandbox):
        story = heat()
        approve(story.action, approver)
        tasks.execute_due()
        subject_id = subjects.find_subject(email=story.email)
        sandbox.store.add_fault(Fault(kind="status", path="/prospects", method="GET", status=503, times=3))
        connector = registry.connectors["connector.outreach"]

        assert [connector.erase(subject_id), connector.erase(subject_id), connector.erase(subject_id)] == [
            False,
            True,
            True,
        ]


def test_while_the_provider_is_known_to_be_down_an_approved_letter_waits(approver, sandbox):
    action = approve(heat().action, approver)
    for _ in range(BREAKER.failures):
        BREAKER.record_failure()

    tasks.execute_due()

    action.refresh_from_db()
    assert (action.state, Execution.objects.count()) == ("approved", 0)


class TestSalesforceTask:
    @pytest.fixture(autouse=True)
    def _organization(self, settings, httpserver):
        base = httpserver.url_for("").rstrip("/")
        settings.SALESFORCE_LOGIN_URL, settings.SALESFORCE_TASK_REFERENCE_FIELD = base, "Revctx_Key__c"
        settings.SALESFORCE_CLIENT_ID, settings.SALESFORCE_CLIENT_SECRET = "app", "app-secret"
        oauth.get_tokens.cache_clear()
        httpserver.expect_request("/services/oauth2/token").respond_with_json(
            {"access_token": "token", "instance_url": base, "id": f"{base}/id/00D5g00000ABCdeEAF/005"}
        )
        yield
        oauth.get_tokens.cache_clear()

    def test_an_approved_task_is_filed_in_salesforce_and_not_at_outreach(
        self, approver: User, sandbox, httpserver
    ):
        filed = []

        def file(request):
            filed.append((request.path, json.loads(request.data)))
            return Response('{"id": "00T5g00000NewTaskA", "success": true}', status=201)

        httpserver.expect_request(TASK, method="PATCH").respond_with_handler(file)
        action = approve(heat(consented=False).action, approver)

        tasks.execute_due()

        action.refresh_from_db()
        done = Execution.objects.get(action=action)
        assert (action.state, done.provider, done.external_id) == (
            "executed",
            "salesforce",
            "00T5g00000NewTaskA",
        )
        [(path, task)] = filed
        assert path.endswith(f"/Revctx_Key__c/{done.id}")
        assert task["Subject"].startswith("Review: ")
        assert sandbox.store.list("tasks") == []
        tasks.execute_due()
        assert len(filed) == 1

    def test_doubt_is_settled_by_asking_salesforce(self, approver: User, sandbox, httpserver):
        httpserver.expect_request(TASK, method="PATCH").respond_with_response(Response(status=500))
        httpserver.expect_request(TASK, method="GET").respond_with_json({"Id": "00T5g00000OldTaskA"})
        action = approve(heat(consented=False).action, approver)
        tasks.execute_due()
        action.refresh_from_db()
        assert action.state == "unknown"

        ask_again(after=timedelta(seconds=61))

        action.refresh_from_db()
        assert action.state == "executed"

    def test_a_letter_still_goes_to_outreach(self, approver: User, sandbox):
        approve(heat().action, approver)

        tasks.execute_due()

        assert len(sandbox.store.list("mailings")) == 1
