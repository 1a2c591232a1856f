"""Each query that grows with history has an index, and the planner takes it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import QuerySet

from orchestration import selectors
from orchestration.models import Action, DraftRequest, Execution
from orchestration.policy import COUNTED_STATES
from orchestration.tests.stories import utc_now

pytestmark = pytest.mark.django_db
FILL = """
INSERT INTO actions (id, kind, state, reason_code, version, account_id, contact_id, subject_id, crossing_id,
    context_version, revision, content_hash, pack, pack_hash, intent, p_action, p_draft, basis, features,
    warnings, execute_after, expires_at, request_id, created_at, updated_at)
SELECT gen_random_uuid(), 'email', 'pending', '', 1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
    gen_random_uuid(), 1, 1, repeat('0', 64), '{}', '', 70 + n % 30, 0.5, 0.5, '', '{}', 0,
    now() + n * interval '1 s', now() + n * interval '1 s', '', now(), now()
FROM generate_series(1, 6000) n;
"""
END = "UPDATE actions SET state = 'rejected', version = 2 WHERE intent < 99; ANALYZE actions;"


@pytest.fixture
def history() -> Iterator[None]:
    """Six thousand actions, most of them over."""
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute(END)
        cursor.execute(
            "INSERT INTO draft_requests (crossing_id, account_id, context_version, state, reason_code,"
            " attempts, due_at, request_id, created_at) SELECT gen_random_uuid(), gen_random_uuid(), 1,"
            " CASE WHEN n % 500 = 0 THEN 'open' ELSE 'done' END, '', 0, now(), '', now()"
            " FROM generate_series(1, 5000) n"
        )
        cursor.execute(
            "INSERT INTO executions (id, action_id, revision, approval_id, account_id, kind, state, provider,"
            " external_id, error_code, checks, next_check_at, started_at) SELECT gen_random_uuid(),"
            " gen_random_uuid(), 1, n, gen_random_uuid(), 'email', CASE WHEN n % 500 = 0 THEN 'unknown' ELSE"
            " 'executed' END, '', '', '', 0, now(), now() - n * interval '1 min'"
            " FROM generate_series(1, 5000) n"
        )
        cursor.execute("ANALYZE draft_requests, executions")
    yield
    Execution.objects.all().delete()  # they point at nothing, which the end of the test would notice


def _due() -> QuerySet[Any]:
    return DraftRequest.objects.filter(state="open", due_at__lte=utc_now()).order_by("due_at", "id")[:1]


def _of_account() -> QuerySet[Any]:
    return Action.objects.filter(account_id=uuid4(), state="pending")


def _of_subject() -> QuerySet[Any]:
    return Action.objects.filter(subject_id=uuid4(), state__in=["pending", "approved"])


def _expired() -> QuerySet[Any]:
    return Action.objects.filter(state="pending", expires_at__lte=utc_now()).order_by("expires_at")[:200]


def _approved() -> QuerySet[Any]:
    over = utc_now() + timedelta(days=1)
    return Action.objects.filter(state="approved", execute_after__lte=over).order_by("execute_after", "id")


def _of_day() -> QuerySet[Any]:
    states = [state.value for state in COUNTED_STATES]
    return Execution.objects.filter(
        account_id=uuid4(), kind="email", started_at__gte=utc_now(), state__in=states
    )


def _unsettled() -> QuerySet[Any]:
    open_ones = Execution.objects.filter(state__in=["executing", "unknown"], next_check_at__lte=utc_now())
    return open_ones.order_by("next_check_at")


@pytest.mark.usefixtures("history")
class TestPlans:
    @pytest.mark.parametrize(
        ("query", "index"),
        [
            (lambda: selectors.query_pending()[:50], "actions_pending_queue"),
            (_of_account, "actions_account_state"),
            (_of_subject, "actions_subject"),
            (_expired, "actions_open_expiry"),
            (_approved, "actions_approved_due"),
            (_due, "draft_requests_open"),
            (_of_day, "executions_daily"),
            (_unsettled, "executions_open"),
        ],
    )
    def test_the_index_is_used(self, query: Callable[[], QuerySet[Any]], index: str) -> None:
        assert index in query().explain()
