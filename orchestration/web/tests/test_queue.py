"""The approval queue as a reviewer uses it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from contexts.selectors import get_active_configs
from contexts.services.configs import store_configs
from contexts.services.rollouts import activate_configs
from orchestration.selectors import get_action_detail
from orchestration.services import approval
from orchestration.web.tests.factories import make_action
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import make_person, sign_in

pytestmark = pytest.mark.django_db


def read(action_id):
    return get_action_detail(action_id=action_id, viewer=0, now=datetime.now(UTC))


def approve_form(action, **changes):
    return {"version": action.version, "content_hash": action.draft.content_hash, **changes}


class TestPage:
    def test_shows_context_text_and_reasoning_of_the_hottest(self):
        action = make_action()

        response = sign_in("approver").get("/approvals")

        page = response.content.decode()
        check_page(response)
        for part in (action.account.name, action.draft.subject, action.contact.name, "Why now, why this"):
            assert part in page
        for check in action.checks:
            assert check.text.split("“")[0][:20] in page

    @pytest.mark.parametrize(
        ("provider", "stays"), [("http://127.0.0.1:1", True), ("https://api.outreach.io/api/v2", False)]
    )
    def test_says_when_nothing_leaves_this_machine(self, settings, provider, stays):
        settings.OUTREACH_BASE_URL = provider
        make_action()

        page = sign_in("approver").get("/approvals").content.decode()

        assert ("to the sandbox on this machine" in page) is stays

    def test_says_who_did_what_by_name(self):
        action = make_action()
        client = sign_in("approver")
        client.post(f"/approvals/{action.id}/approve", approve_form(action))

        page = client.get(f"/approvals/{action.id}").content.decode()

        assert f"<small>{client.person.username}</small>" in page
        assert "<small>Revctx</small>" in page
        assert "user:" not in page
        assert "system:" not in page

    def test_looks_again_when_the_hold_is_over(self):
        action = make_action()
        client = sign_in("approver")
        assert client.get(f"/approvals/{action.id}").context["refresh_in"] is None

        client.post(f"/approvals/{action.id}/approve", approve_form(action))

        assert client.get(f"/approvals/{action.id}").context["refresh_in"] > 3

    def test_marks_the_threshold_of_the_weights_in_use(self):
        action = make_action()
        weight = replace(get_active_configs()[1], hot_threshold=65.0)
        _, version = store_configs(weight=weight, note="lower", now=datetime.now(UTC))
        activate_configs(
            decay_version=get_active_configs()[0].version,
            weight_version=version,
            actor="user:1",
            now=datetime.now(UTC),
        )

        response = sign_in("approver").get(f"/approvals/{action.id}")

        assert response.context["threshold"] == response.context["detail"].account.threshold == 65.0

    def test_answers_at_the_address_of_the_brief(self):
        make_action()

        response = sign_in("reviewer").get("/api/approval/ui")

        assert response.status_code == 200
        check_page(response)

    def test_says_how_the_first_draft_comes_when_there_is_none(self):
        response = sign_in("approver").get("/approvals")

        assert "Nothing waits for a decision" in response.content.decode()
        check_page(response)

    def test_sends_strangers_to_the_login(self):
        response = Client().get("/approvals")

        assert response.status_code == 302
        assert response["Location"] == "/login?next=/approvals"

    def test_refuses_a_role_without_the_scope(self):
        response = sign_in("auditor").get("/approvals")

        assert response.status_code == 403
        assert "actions:read" in response.content.decode()

    def test_knows_no_action_of_a_foreign_id(self):
        response = sign_in("approver").get("/approvals/0194f3a2-0000-7000-8000-000000000000")

        assert response.status_code == 404

    def test_a_task_needs_no_contact(self):
        make_action(consented=False)

        response = sign_in("approver").get("/approvals")

        assert "Review task" in response.content.decode()
        check_page(response)

    def test_asks_few_questions_of_the_database(self, django_assert_max_num_queries):
        make_action()
        client = sign_in("approver")
        client.get("/approvals")

        # Six of them ask whether somebody in a pack was erased or restricted meanwhile.
        with django_assert_max_num_queries(42):
            client.get("/approvals")


class TestApprove:
    def test_approves_what_was_shown_and_offers_undo(self):
        action = make_action()
        client = sign_in("approver")

        response = client.post(f"/approvals/{action.id}/approve", approve_form(action), follow=True)

        assert read(action.id).state == "approved"
        assert "Approved: Northwind Traders." in response.content.decode()
        check_page(response)

    def test_refuses_a_text_that_was_not_shown(self):
        action = make_action()

        response = sign_in("approver").post(
            f"/approvals/{action.id}/approve", approve_form(action, content_hash="0" * 64)
        )

        assert response.status_code == 409
        assert "The text has changed since you looked." in response.content.decode()
        assert response["X-Request-ID"] in response.content.decode()
        assert read(action.id).state == "pending"
        check_page(response)

    def test_needs_the_approver_role(self):
        action = make_action()
        client = sign_in("reviewer")

        page = client.get("/approvals").content.decode()
        response = client.post(f"/approvals/{action.id}/approve", approve_form(action))

        assert "Approving needs the approver role." in page
        assert response.status_code == 403
        assert read(action.id).state == "pending"

    def test_undo_puts_it_back(self):
        action = make_action()
        client = sign_in("approver")
        client.post(f"/approvals/{action.id}/approve", approve_form(action))

        response = client.post(f"/approvals/{action.id}/undo", follow=True)

        assert read(action.id).state == "pending"
        check_page(response)

    def test_undo_needs_the_approver_role_as_in_the_api(self):
        action = make_action()
        sign_in("approver").post(f"/approvals/{action.id}/approve", approve_form(action))
        client = sign_in("reviewer")

        page = client.get(f"/approvals/{action.id}")

        assert client.post(f"/approvals/{action.id}/undo").status_code == 403
        assert not page.context["can_undo"]
        assert read(action.id).state == "approved"


class TestEdit:
    def test_an_edit_has_to_be_approved_by_somebody_else(self):
        action = make_action()
        client = sign_in("approver")
        form = client.get(f"/approvals/{action.id}/edit")
        check_page(form)
        body = form.context["edited"]["body"]

        response = client.post(
            f"/approvals/{action.id}/edit",
            {"version": action.version, "subject": "A shorter subject", "body": body},
            follow=True,
        )

        assert "Revision 2" in response.content.decode()
        assert "another person has to approve it" in response.content.decode()
        edited = read(action.id)
        own = client.post(f"/approvals/{action.id}/approve", approve_form(edited))
        assert own.status_code == 403
        other = sign_in("approver").post(f"/approvals/{action.id}/approve", approve_form(edited))
        assert other.status_code == 302

    def test_keeps_what_was_typed_when_the_text_is_refused(self):
        action = make_action()
        typed = "See https://elsewhere.example for 9,999 reasons."

        response = sign_in("approver").post(
            f"/approvals/{action.id}/edit", {"version": action.version, "subject": "S", "body": typed}
        )

        assert response.status_code == 422
        assert typed in response.content.decode()
        assert read(action.id).draft.revision == 1
        check_page(response)


class TestReject:
    def test_rejects_for_a_listed_reason(self):
        action = make_action()

        response = sign_in("reviewer").post(
            f"/approvals/{action.id}/reject", {"version": action.version, "reason": "timing"}
        )

        assert response.status_code == 302
        assert (read(action.id).state, read(action.id).reason_code) == ("rejected", "timing")

    def test_says_so_afterwards(self):
        action = make_action()
        client = sign_in("reviewer")
        client.post(f"/approvals/{action.id}/reject", {"version": action.version, "reason": "timing"})

        response = client.get(f"/approvals/{action.id}")

        assert "Nothing was sent. Reason: not now." in response.content.decode()
        check_page(response)


class TestPresence:
    def test_a_claim_shows_to_others_and_keeps_them_from_approving(self):
        action = make_action()
        first, second = sign_in("approver"), sign_in("approver")
        assert first.post(f"/approvals/{action.id}/claim").status_code == 204

        response = second.get("/approvals")

        assert f"{first.person.username} is reviewing" in response.content.decode()
        assert response.context["approve_blocked"]
        check_page(response)

    def test_moving_on_releases_what_was_claimed_before(self):
        action = make_action()
        other = make_action(crm_id="another-account")
        client = sign_in("approver")
        client.post(f"/approvals/{action.id}/claim")

        client.post(f"/approvals/{other.id}/claim")

        assert read(action.id).claimed_by is None
        assert read(other.id).claimed_by == client.person.pk

    def test_who_comes_second_is_told(self):
        action = make_action()
        approval.claim(action_id=action.id, actor_user_id=make_person().pk, now=datetime.now(UTC))

        response = sign_in("approver").post(f"/approvals/{action.id}/claim")

        assert "Somebody was quicker" in response.content.decode()

    def test_an_editor_does_not_claim_what_another_has_to_approve(self):
        action = make_action()
        client = sign_in("approver")
        text = " ".join(span.text for part in action.draft.paragraphs for span in part)
        fields = {"version": action.version, "subject": action.draft.subject, "body": text}
        client.post(f"/approvals/{action.id}/edit", fields)

        own, other = (one.get(f"/approvals/{action.id}") for one in (client, sign_in("approver")))

        assert (own.context["claim_here"], other.context["claim_here"]) == (False, True)


class TestRail:
    @time_machine.travel(datetime.now(UTC).replace(second=30), tick=False)  # the page changes with the minute
    def test_answers_only_when_something_changed(self):
        action = make_action()
        client = sign_in("approver")
        mark = client.get("/approvals").context["rail_mark"]

        same = client.get("/approvals/rail", {"seen": mark})
        client.post(f"/approvals/{action.id}/reject", {"version": action.version, "reason": "tone"})
        changed = client.get("/approvals/rail", {"seen": mark})

        assert same.status_code == 204
        assert changed.status_code == 200
        assert str(action.id) not in changed.content.decode()

    def test_opens_no_text(self):
        action = make_action()

        response = sign_in("approver").get("/approvals/rail", {"seen": ""})

        assert action.contact.name not in response.content.decode()
