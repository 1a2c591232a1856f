"""Many processes at once: one mail, one draft, never over the limit."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from integrations.sandbox.server import SandboxServer
from orchestration import tasks
from orchestration.models import Action, DraftRequest
from orchestration.services import approval
from orchestration.tests.stories import approve, heat, make_user, utc_now
from revctx.api.errors import ApiError

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(work: Any, arguments: list[Any]) -> list[Any]:
    def closing(argument: Any) -> Any:
        try:
            return work(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(arguments)) as pool:
        return list(pool.map(closing, arguments))


@pytest.fixture
def users() -> list[User]:
    return [make_user(f"reviewer{number}") for number in range(4)]


class TestAtOnce:
    def test_executors_send_one_letter(
        self, settings: Any, users: list[User], sandbox: SandboxServer
    ) -> None:
        settings.APPROVAL_HOLD_SECONDS = 0
        action = approve(heat().action, users[0])

        at_once(lambda _: tasks.execute_one(action.id), [0, 1, 2, 3])

        action.refresh_from_db()
        assert action.state == "executed"
        assert len(sandbox.store.list("mailings")) == 1

    def test_only_one_of_many_approvals_counts(self, users: list[User]) -> None:
        action = heat().action

        def attempt(user: User) -> str:
            try:
                return approval.approve(
                    action_id=action.id,
                    version=1,
                    content_hash=action.content_hash,
                    actor_user_id=user.pk,
                    now=utc_now(),
                ).state
            except ApiError as error:
                return error.code

        assert sorted(at_once(attempt, users)) == ["approved", *["not_pending"] * 3]

    def test_the_daily_limit_holds_for_letters_of_one_account(
        self, settings: Any, users: list[User], sandbox: SandboxServer
    ) -> None:
        settings.APPROVAL_HOLD_SECONDS = 0
        settings.EMAIL_DAILY_LIMIT_PER_ACCOUNT = 2
        actions = [approve(heat().action, users[0]) for _ in range(4)]
        Action.objects.filter(pk__in=[action.pk for action in actions]).update(
            account_id=actions[0].account_id
        )

        at_once(lambda action: tasks.execute_one(action.id), actions)

        states = sorted(Action.objects.values_list("state", flat=True))
        assert states == ["blocked", "blocked", "executed", "executed"]
        assert len(sandbox.store.list("mailings")) == 2

    def test_workers_draft_a_crossing_once(self) -> None:
        story = heat()
        now = utc_now()
        DraftRequest.objects.create(
            crossing_id="00000000-0000-4000-8000-000000000009",
            account_id=story.account_id,
            context_version=10_000,
            due_at=now,
            created_at=now,
        )

        drafted = at_once(lambda _: tasks.draft_next(), [0, 1, 2])

        assert drafted.count(True) == 1
        assert Action.objects.filter(account_id=story.account_id, state="pending").count() == 1
        assert Action.objects.filter(account_id=story.account_id, state="superseded").count() == 1
