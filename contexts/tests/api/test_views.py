"""The account endpoints through the HTTP door."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance import subjects
from compliance.privacy import restrictions
from contexts import selectors
from contexts.api.cursors import encode
from contexts.tests.factories import NOW, make_draft, score_signals
from revctx.api.scopes import SCOPES
from revctx.api.tokens import issue_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(client):
    """Return a function that reads a path with all scopes and gives status and body."""
    user = User.objects.create(username="reader")
    issue_token(user=user, label="test", scopes=SCOPES, now=NOW, secret="s" * 40)

    def read(path: str, **query):
        response = client.get(path, query, headers={"Authorization": f"Bearer {'s' * 40}"})
        return response.status_code, response.json()

    return read


def hot_account() -> None:
    kinds = ("demo_requested", "meeting_booked", "trial_started", "email_reply")
    score_signals(*[make_draft(kind, account={"crm_id": "001A", "domain": "acme.example"}) for kind in kinds])


class TestAccountList:
    def test_pages_by_priority(self, get):
        score_signals(
            *[make_draft("demo_requested", crm_id=f"crm-{n}", ago=timedelta(days=n)) for n in range(5)]
        )

        status, first = get("/api/accounts", limit=3)
        _, second = get(first["next"].replace("http://testserver", ""))

        assert status == 200
        assert [row["name"] for row in first["results"] + second["results"]] == [f"crm-{n}" for n in range(5)]
        assert second["next"] is None

    def test_ranks_as_of_a_day(self, get):
        score_signals(
            make_draft("page_view", crm_id="small", ago=timedelta(days=40)),
            make_draft("demo_requested", crm_id="big", ago=timedelta(days=40)),
            make_draft("demo_requested", crm_id="later", ago=timedelta(days=1)),
        )
        day = (NOW - timedelta(days=39)).date().isoformat()

        status, first = get("/api/accounts", as_of=day, limit=1)
        _, second = get(first["next"].replace("http://testserver", ""))

        assert status == 200
        assert [row["name"] for row in first["results"] + second["results"]] == ["big", "small"]

    @pytest.mark.parametrize(
        "query",
        [
            {"as_of": "yesterday"},
            {"as_of": "2026-01-01T00:00:00"},
            {"band": "boiling"},
            {"attribute": "industry"},
            {"search": "a\x00b"},
            {"limit": "0"},
            {"limit": "many"},
            {"cursor": "AAAA"},
            {"cursor": "bnVsbA=="},
            {"cursor": b64encode(b"[" * 1500).decode()},
            {"cursor": encode(1.0, str(UUID(int=1)), "2026-01-01T00:00:00")},
            {"limit": "0000501"},
        ],
    )
    def test_refuses_what_it_cannot_read(self, get, query):
        status, body = get("/api/accounts", **query)

        assert status in (400, 422)
        assert set(body["error"]) >= {"code", "message", "request_id"}

    def test_needs_a_token(self, client):
        assert client.get("/api/accounts").status_code == 401


class TestAccountDetail:
    @pytest.mark.parametrize("ref", ["001A", "acme.example"])
    def test_finds_by_any_alias(self, get, ref):
        hot_account()

        status, body = get(f"/api/accounts/{ref}")

        assert status == 200
        assert body["domain"] == "acme.example"
        assert body["band"] == "hot"
        assert {alias["kind"] for alias in body["aliases"]} == {"crm_id", "domain"}

    @pytest.mark.parametrize("path", ["", "/score", "/timeline", "/context-pack"])
    def test_an_unknown_reference_is_404(self, get, path):
        assert get(f"/api/accounts/nobody{path}")[0] == 404


class TestAccountScore:
    def test_explains_itself(self, get):
        hot_account()

        status, body = get("/api/accounts/001A/score")

        assert status == 200
        assert sum(item["points"] for item in body["contributions"]) == body["intent"]
        assert body["next_crossing"]["at"] == body["hot_until"]
        assert {item["type"] for item in body["contributions"]} >= {"demo_requested", "trial_started"}

    def test_takes_both_times(self, get):
        hot_account()

        earlier = (NOW - timedelta(minutes=1)).isoformat()
        _, before = get("/api/accounts/001A/score", as_of=earlier)
        _, unknown = get("/api/accounts/001A/score", known_at=earlier)

        assert before["intent"] == unknown["intent"] == 0
        assert get("/api/accounts/001A/score", as_of="1999-01-01")[0] == 422

    def test_reads_nothing_twice(self, get):
        hot_account()
        times = {"as_of": NOW.isoformat(), "known_at": (NOW + timedelta(minutes=1)).isoformat()}

        with CaptureQueriesContext(connection) as queries:
            get("/api/accounts/001A/score", **times)

        asked = [query["sql"] for query in queries if "contexts_ledgerentry" in query["sql"]]
        assert len(asked) == len(set(asked)) == 2

    def test_says_what_it_knew(self, get):
        hot_account()
        asked_at = datetime.now(UTC)

        _, body = get("/api/accounts/001A/score", as_of=(NOW - timedelta(days=2)).isoformat())

        assert datetime.fromisoformat(body["known_at"]) >= asked_at


class TestAccountTimeline:
    def test_pages(self, get):
        hot_account()

        _, first = get("/api/accounts/001A/timeline", limit=3)
        _, second = get(first["next"].replace("http://testserver", ""))

        assert len(first["results"]) == 3
        assert len({item["id"] for item in first["results"] + second["results"]}) == 5

    def test_what_may_not_be_shown_hides_nothing_older(self, get):
        drafts = [make_draft(email="a@acme.example", crm_id="001A", ago=timedelta(hours=n)) for n in range(6)]
        *_, shown = score_signals(*drafts, make_draft(crm_id="001A", ago=timedelta(days=1)))
        person = subjects.find_subject(email="a@acme.example")
        restrictions.restrict(subject_id=person, reason="accuracy", actor="user:1", now=NOW)

        _, page = get("/api/accounts/001A/timeline", limit=1)

        assert [item["id"] for item in page["results"]] == [str(shown)]
        assert page["next"] is None


class TestContextPack:
    def test_is_built_and_stored(self, get):
        hot_account()

        status, body = get("/api/accounts/001A/context-pack", max_tokens=1000)

        assert status == 200
        assert body["max_tokens"] == 1000
        assert len(body["content_hash"]) == 64
        assert selectors.find_pack(UUID(body["id"])).content_hash == body["content_hash"]

    def test_can_be_read_again(self, get):
        hot_account()
        _, built = get("/api/accounts/001A/context-pack", max_tokens=1000)

        status, again = get(f"/api/context-packs/{built['id']}")

        assert status == 200
        assert again == built | {"hidden": 0, "intact": True}
        assert get(f"/api/context-packs/{uuid4()}")[0] == 404

    @pytest.mark.parametrize("tokens", ["0", "-1", "x", "99999999999", "032000999"])
    def test_refuses_an_impossible_budget(self, get, tokens):
        hot_account()

        assert get("/api/accounts/001A/context-pack", max_tokens=tokens)[0] == 422
