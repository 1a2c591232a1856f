"""Asking for a draft: a crossing licenses one action, and an agent is not asked over and over."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from orchestration import tasks
from orchestration.models import Action, DraftRequest
from orchestration.services import approval
from orchestration.services.asking import ASK_AGAIN_AFTER, AskedDraft, ask_for_draft
from orchestration.tests.stories import heat, list_audit, score_only, utc_now
from revctx.api.errors import Conflict, Unprocessable

pytestmark = pytest.mark.django_db


def ask(account_id: UUID, *, after: timedelta = timedelta(0)) -> AskedDraft:
    return ask_for_draft(account_id=account_id, actor="user:7", now=utc_now() + after)


def test_a_decided_action_is_not_proposed_again(approver: User) -> None:
    story = heat()
    action = story.action
    assert ask(story.account_id).action_id == action.id
    approval.reject(
        action_id=action.id,
        version=action.version,
        reason_code="timing",
        note="",
        actor_user_id=approver.pk,
        now=utc_now(),
    )

    with pytest.raises(Conflict, match="rejected"):
        ask(story.account_id)

    tasks.process_work()
    assert Action.objects.count() == 1


def test_an_agent_that_abstained_is_asked_again_after_an_hour() -> None:
    account_id = score_only("crm-abstained")
    asked = ask(account_id)
    DraftRequest.objects.update(state="abstained", reason_code="abstained", attempts=5, finished_at=utc_now())

    with pytest.raises(Conflict, match="abstained"):
        ask(account_id)
    assert ask(account_id, after=ASK_AGAIN_AFTER) == asked
    DraftRequest.objects.update(due_at=utc_now())
    tasks.process_work()

    assert Action.objects.get(account_id=account_id).crossing_id == asked.crossing_id
    [first, second, *_] = list_audit(asked.crossing_id)
    assert (first["name"], first["actor"], first["payload"]) == (
        "draft.requested",
        "user:7",
        {"status": "queued"},
    )
    assert second["name"] == "draft.requested"


def test_a_request_that_the_event_brings_later_makes_no_second_action() -> None:
    account_id = score_only("crm-early")

    assert ask(account_id) == ask(account_id)
    tasks.process_work()
    tasks.process_work()

    assert DraftRequest.objects.count() == Action.objects.count() == 1


def test_an_account_that_was_never_hot_or_cooled_down_licenses_nothing() -> None:
    cold, cooled = score_only("crm-cold", ["page_view"]), heat().account_id

    for account_id, after in ((cold, timedelta(0)), (cooled, timedelta(days=300))):
        with pytest.raises(Unprocessable, match="not hot"):
            ask(account_id, after=after)
