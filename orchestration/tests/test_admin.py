"""The admin shows everything and decides only through the service, over the text that it showed."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from orchestration.models import Action
from orchestration.services import approval
from orchestration.tests.stories import heat, make_user, utc_now

pytestmark = pytest.mark.django_db
LIST = "admin:orchestration_action_changelist"


@pytest.fixture
def admin_user(db: None) -> User:
    return User.objects.create_superuser(username="admin")


@pytest.fixture
def staff(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


class TestApproveInAdmin:
    def test_the_text_is_shown_first_and_approved_by_its_hash(self, staff: Client) -> None:
        action = heat().action
        chosen = {"action": "approve_shown", "_selected_action": [str(action.id)]}

        shown = staff.post(reverse(LIST), chosen)

        assert shown.status_code == 200
        assert b"Hi Dana," in shown.content
        assert Action.objects.get(pk=action.pk).state == "pending"
        confirmed = chosen | {"confirm": "1", f"seen_{action.id}": f"{action.version}:{action.content_hash}"}
        staff.post(reverse(LIST), confirmed)
        assert Action.objects.get(pk=action.pk).state == "approved"

    def test_a_text_edited_meanwhile_is_not_approved(self, staff: Client) -> None:
        action = heat().action
        seen = f"{action.version}:{action.content_hash}"
        approval.edit(
            action_id=action.id,
            version=1,
            subject="Other words",
            actor_user_id=make_user("editor").pk,
            now=utc_now(),
        )

        response = staff.post(
            reverse(LIST),
            {
                "action": "approve_shown",
                "_selected_action": [str(action.id)],
                "confirm": "1",
                f"seen_{action.id}": seen,
            },
            follow=True,
        )

        assert Action.objects.get(pk=action.pk).state == "pending"
        assert b"has changed since you looked" in response.content


class TestReadOnly:
    @pytest.mark.parametrize(
        "model",
        ["action", "actionrevision", "approval", "execution", "draftrequest", "agentrun", "enrichmentspend"],
    )
    def test_rows_are_shown_and_never_edited(self, staff: Client, model: str) -> None:
        heat()

        assert staff.get(reverse(f"admin:orchestration_{model}_changelist")).status_code == 200
        assert staff.get(reverse(f"admin:orchestration_{model}_add")).status_code == 403

    def test_a_state_cannot_be_posted(self, staff: Client) -> None:
        action = heat().action
        url = reverse("admin:orchestration_action_change", args=[action.pk])

        assert staff.get(url).status_code == 200
        assert staff.post(url, {"state": "approved"}).status_code == 403
