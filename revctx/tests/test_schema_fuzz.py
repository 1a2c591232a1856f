"""Requests made up from the whole OpenAPI schema: whatever is sent, the answer is never a 5xx."""

import time
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from orchestration.tests.stories import heat, run_engines
from revctx.api.scopes import SCOPES
from revctx.api.tokens import issue_token
from revctx.tests.database import number
from revctx.tests.fuzzing import Tally, fuzz


@pytest.fixture
def token(transactional_db):
    """A token that may do everything, where there is something to do it to."""
    heat()
    return issue_token(
        user=User.objects.create_user("hostile"), label="test", scopes=SCOPES, now=datetime.now(UTC)
    )


def assert_what_was_taken_can_be_worked_off():
    run_engines()
    assert number("SELECT count(*) FROM work_items WHERE attempts > 0") == 0


PARTS = (
    "accounts",
    "actions",
    "audit",
    "compliance",
    "consent",
    "integrations",
    "laboratory",
    "privacy",
    "signals",
)


@pytest.mark.timeout(180)
def test_nothing_made_up_from_the_schema_is_an_error_of_ours(token):
    send_made_up(token, examples=1, seed=1, in_turn=True)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", PARTS)
def test_many_requests_made_up_from_the_schema(token, part):
    send_made_up(token, examples=75, seed=time.time_ns() % 2**32, only=f"/api/{part}")


def send_made_up(token, *, examples, seed, only="", in_turn=False):
    """Send requests with every scope, some of them again without a token."""
    tally = Tally()
    fuzz(token=token, examples=examples, number=seed, tally=tally, only=only, in_turn=in_turn)

    print(f"{only or '/api'}, seed {seed}: {tally.report()}")
    assert not tally.failures, tally.report()
    assert_what_was_taken_can_be_worked_off()
