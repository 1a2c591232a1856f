"""The action endpoints as a client sees them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from compliance import consent
from orchestration import unsubscribing
from orchestration.models import Action
from orchestration.tests.stories import heat, make_user, names_of, run_engines, utc_now
from revctx.api.scopes import SCOPES
from revctx.api.tokens import issue_token

pytestmark = pytest.mark.django_db


class Api:
    """A client that speaks JSON with a token."""

    def __init__(self, user: User, *scopes: str) -> None:
        secret = issue_token(user=user, label="test", scopes=scopes or SCOPES, now=utc_now())
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(path, body or {}, content_type="application/json")

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(path, body, content_type="application/json")


@pytest.fixture
def api(approver: User) -> Api:
    return Api(approver)


@pytest.fixture
def action() -> Action:
    return heat().action


def seen(action: Action) -> dict[str, Any]:
    return {"version": action.version, "content_hash": action.content_hash}


class TestPending:
    def test_it_shows_context_preview_and_reasoning(self, api: Api, action: Action) -> None:
        response = api.get("/api/actions/pending")

        assert response.status_code == 200
        page = response.json()
        assert page["next"] is None
        [row] = page["results"]
        assert row["id"] == str(action.id)
        assert row["content_hash"] == action.content_hash
        assert row["context"]["intent"] >= 70
        assert row["context"]["evidence"][0]["ref"] == "s1"
        assert row["preview"]["greeting"] == "Hi Dana,"
        assert row["preview"]["paragraphs"][0][0]["refs"]
        assert row["reasoning"]["basis"] == "prior only"
        assert row["reasoning"]["points"]

    def test_pages_follow_each_other(self, api: Api) -> None:
        ids = {str(heat().action.id) for _ in range(3)}

        first = api.get("/api/actions/pending?limit=2").json()
        second = api.get(first["next"]).json()

        assert {row["id"] for row in first["results"] + second["results"]} == ids
        assert second["next"] is None

    def test_queries_do_not_grow_with_the_queue(
        self, api: Api, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for _ in range(3):
            heat()

        with django_assert_max_num_queries(20):
            assert len(api.get("/api/actions/pending").json()["results"]) == 3


class TestDetail:
    def test_it_holds_all_that_a_reviewer_decides_by(self, api: Api, action: Action) -> None:
        body = api.get(f"/api/actions/{action.id}").json()

        assert body["account"]["contributions"]
        assert body["contact"]["consent"]["allowed"] is True
        assert body["draft"]["content_hash"] == action.content_hash
        assert {"p_action", "p_draft", "checks", "evidence", "reasoning", "timeline"} <= set(body)

    def test_an_unknown_id_is_404_in_the_error_shape(self, api: Api) -> None:
        response = api.get("/api/actions/00000000-0000-4000-8000-000000000000")

        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


class TestDecide:
    def test_approve_and_undo(self, api: Api, action: Action) -> None:
        response = api.post(f"/api/actions/{action.id}/approve", seen(action) | {"note": "ok"})

        assert response.status_code == 200, response.content
        assert response.json()["state"] == "approved"
        assert api.post(f"/api/actions/{action.id}/undo").json()["state"] == "pending"

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({}, 428, "hash_required"),
            ({"version": 1}, 428, "hash_required"),
            ({"version": 1, "content_hash": "0" * 64}, 409, "stale"),
            ({"version": 1, "content_hash": "short"}, 422, "invalid"),
            ({"version": 1, "content_hash": "0" * 64, "force": True}, 422, "invalid"),
        ],
    )
    def test_refusals(self, api: Api, action: Action, body: Any, status: int, code: str) -> None:
        response = api.post(f"/api/actions/{action.id}/approve", body)

        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert Action.objects.get(pk=action.pk).state == "pending"

    def test_stale_returns_the_current_one(self, api: Api, action: Action) -> None:
        body = seen(action) | {"version": 9}

        error = api.post(f"/api/actions/{action.id}/approve", body).json()["error"]

        assert error["current"]["version"] == 1

    def test_own_edit_is_403(self, api: Api, action: Action) -> None:
        edited = api.patch(f"/api/actions/{action.id}", {"version": 1, "subject": "A better subject"})
        assert edited.status_code == 200, edited.content

        response = api.post(
            f"/api/actions/{action.id}/approve",
            {"version": 2, "content_hash": edited.json()["content_hash"]},
        )

        assert response.status_code == 403
        assert response.json()["error"]["code"] == "own_edit"

    def test_expired_is_410(self, api: Api, action: Action) -> None:
        Action.objects.filter(pk=action.pk).update(expires_at=utc_now() - timedelta(seconds=1))

        assert api.post(f"/api/actions/{action.id}/approve", seen(action)).status_code == 410

    def test_no_consent_is_422(self, api: Api, action: Action) -> None:
        consent.revoke(subject_id=action.subject_id, source="person", actor="system:test", now=utc_now())

        response = api.post(f"/api/actions/{action.id}/approve", seen(action))

        assert (response.status_code, response.json()["error"]["code"]) == (422, "consent")

    def test_reject_claim_release_and_next(self, api: Api, action: Action) -> None:
        assert api.get("/api/actions/next").json()["id"] == str(action.id)
        assert api.post(f"/api/actions/{action.id}/claim").json()["claimed_by"]
        assert api.post(f"/api/actions/{action.id}/release").json()["claimed_by"] is None
        body = {"version": 1, "reason_code": "timing"}
        assert api.post(f"/api/actions/{action.id}/reject", body).json()["state"] == "rejected"
        assert api.get("/api/actions/next").status_code == 204

    def test_the_same_key_approves_once(self, api: Api, action: Action) -> None:
        headers = {"Idempotency-Key": "approve-once"}
        path = f"/api/actions/{action.id}/approve"

        answers = [
            api.client.post(path, seen(action), content_type="application/json", headers=headers)
            for _ in range(2)
        ]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert names_of(action.id).count("action.approved") == 1


class TestScopes:
    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("get", "pending", "actions:read"),
            ("get", "{id}", "actions:read"),
            ("patch", "{id}", "actions:review"),
            ("post", "{id}/claim", "actions:review"),
            ("post", "{id}/reject", "actions:review"),
            ("post", "{id}/approve", "actions:approve"),
            ("post", "{id}/undo", "actions:approve"),
        ],
    )
    def test_each_endpoint_asks_for_its_scope(
        self, action: Action, method: str, path: str, scope: str
    ) -> None:
        url = f"/api/actions/{path.format(id=action.id)}"
        arguments = () if method == "get" else ({"version": 99},)

        assert getattr(Client(), method)(url).status_code in {401, 403}
        without = Api(make_user("without"), *sorted(SCOPES - {scope, "actions:approve"} or {"signals:read"}))
        assert getattr(without, method)(url, *arguments).status_code == 403
        allowed = Api(make_user("with"), scope)
        assert getattr(allowed, method)(url, *arguments).status_code not in {401, 403}


class TestUnsubscribe:
    def test_one_click_withdraws_and_cancels(self, action: Action) -> None:
        path = unsubscribing.make_url(action.id).split("8000", 1)[-1]
        path = path[path.index("/api/") :]
        client = Client(enforce_csrf_checks=True)

        assert client.get(path).status_code == 200
        assert consent.decide(subject_id=action.subject_id, now=utc_now()).allowed
        response = client.post(path, {"List-Unsubscribe": "One-Click"})

        assert response.status_code == 200
        assert not consent.decide(subject_id=action.subject_id, now=utc_now()).allowed
        run_engines()
        assert Action.objects.get(pk=action.pk).state == "cancelled"
        assert client.post(path).status_code == 200

    def test_honours_the_privacy_signal_of_the_reader_s_browser_and_says_so(self, action: Action) -> None:
        path = f"/api/unsubscribe/{unsubscribing.make_url(action.id).rsplit('/', 1)[-1]}"

        plain = Client().post(path)
        signalled = Client(headers={"Sec-GPC": "1"}).post(path)

        assert b"Opt-out request honoured" not in plain.content
        assert b"Opt-out request honoured" in signalled.content
        objection = consent.decide(subject_id=action.subject_id, purpose=consent.SALE_SHARING, now=utc_now())
        assert objection.reason == "opted_out"

    @pytest.mark.parametrize("token", ["x", "00000000-0000-4000-8000-000000000000:forged"])
    def test_a_forged_link_does_nothing(self, token: str) -> None:
        assert Client().get(f"/api/unsubscribe/{token}").status_code == 404
        assert Client().post(f"/api/unsubscribe/{token}").status_code == 404
