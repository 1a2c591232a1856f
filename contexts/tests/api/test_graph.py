"""The graph endpoint: both times, what it refuses, and to whom."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from contexts.tests.factories import NOW, make_draft, score_signals
from revctx.api.tokens import issue_token

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def get(client):
    """Return a function that reads a path with a scope and gives status and body."""

    def read(path: str, *, scope: str = "accounts:read", **query):
        user = User.objects.create(username=f"reader-{uuid4()}")
        secret = issue_token(user=user, label="test", scopes=[scope], now=NOW)
        response = client.get(path, query, headers={"Authorization": f"Bearer {secret}"})
        return response.status_code, response.json()

    return read


def move_deal(*, now) -> None:
    """Let a deal be created two hours before NOW and be lost one hour before, as told at a time."""
    facts = {"attributes": {"opportunity": "006A"}}
    score_signals(make_draft("opportunity_created", ago=2 * HOUR, **facts), now=NOW - 2 * HOUR)
    score_signals(make_draft("opportunity_lost", ago=HOUR, **facts), now=now)


def list_relations(body: dict) -> list[str]:
    return [edge["relation"] for edge in body["edges"]]


class TestTimes:
    def test_a_closed_edge_is_there_at_the_time_it_held(self, get):
        move_deal(now=NOW - HOUR)
        then = (NOW - 1.5 * HOUR).isoformat()

        status, now_body = get("/api/accounts/crm-1/graph")
        _, then_body = get("/api/accounts/crm-1/graph", valid_at=then)

        assert status == 200
        assert "has_opportunity" not in list_relations(now_body)
        [edge] = [one for one in then_body["edges"] if one["relation"] == "has_opportunity"]
        assert edge["source"] == then_body["root"]
        assert edge["valid_to"] is not None
        assert edge["signal_count"] == len(edge["signal_ids"]) == 1

    def test_what_was_not_recorded_yet_closes_nothing(self, get):
        move_deal(now=NOW)

        _, body = get("/api/accounts/crm-1/graph", known_at=(NOW - HOUR / 2).isoformat())

        assert "has_opportunity" in list_relations(body)


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"valid_at": "yesterday"}, "invalid_time"),
            ({"valid_at": "2026-01-01T00:00:00"}, "invalid_time"),
            ({"known_at": ""}, "invalid_time"),
            ({"known_at": "1999-12-31"}, "invalid_time"),
            ({"depth": "0"}, "invalid_depth"),
            ({"depth": "deep"}, "invalid_depth"),
            ({"limit": "100000"}, "invalid_limit"),
            ({"limit": "-1"}, "invalid_limit"),
        ],
    )
    def test_bad_input_is_the_callers_fault(self, get, query, code):
        score_signals(make_draft())

        status, body = get("/api/accounts/crm-1/graph", **query)

        assert (status, body["error"]["code"]) == (422, code)

    @pytest.mark.parametrize("ref", ["nobody.example", "7d1c9f5e-2b57-4c7a-9e0b-0f6a0e6b1c11"])
    def test_an_unknown_account_is_not_found(self, get, ref):
        status, body = get(f"/api/accounts/{ref}/graph")

        assert (status, body["error"]["code"]) == (404, "not_found")

    def test_it_needs_the_scope(self, get, client):
        score_signals(make_draft())

        status, _ = get("/api/accounts/crm-1/graph", scope="signals:read")

        assert status == 403
        assert client.get("/api/accounts/crm-1/graph").status_code == 401
