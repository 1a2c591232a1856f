"""The laboratory through its endpoints, from definition to rollback."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client

from laboratory.tests.factories import make_client, make_history, work_off

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

NOW = datetime.now(UTC)
BASE = "/api/laboratory"
LONGER = {"half_lives": {"demo_requested": "60d", "meeting_booked": "8w", "trial_started": 60 * 86_400}}


@pytest.fixture
def scientist() -> Client:
    return make_client("scientist", "lab:read", "lab:write", now=NOW)


@pytest.fixture
def approver() -> Client:
    return make_client("approver", "lab:read", "lab:write", "lab:approve", now=NOW)


def post(client: Client, path: str, body: object = None):
    return client.post(f"{BASE}{path}", {} if body is None else body, content_type="application/json")


def create(client: Client, **values):
    body = {"name": "longer memory", "challenger": LONGER} | values
    return post(client, "/experiments", body)


class TestWorkflow:
    def test_create_run_compare_promote_approve_roll_back(self, scientist, approver):
        make_history(now=NOW)

        created = create(scientist)
        assert created.status_code == 201, created.content
        experiment = created.json()
        assert experiment["challenger"]["decay"]["half_lives"]["demo_requested"] == 60 * 86_400
        assert experiment["challenger"]["decay"]["half_lives"]["meeting_booked"] == 56 * 86_400
        path = f"/experiments/{experiment['id']}"

        queued = post(scientist, f"{path}/run")
        assert (queued.status_code, queued.json()["state"]) == (202, "queued")
        waiting = scientist.get(f"{BASE}{path}/compare").json()
        assert (waiting["run"]["state"], waiting["metrics"]) == ("queued", None)
        work_off(now=NOW)

        compared = scientist.get(f"{BASE}{path}/compare").json()
        assert compared["verdict"] == "INSUFFICIENT_EVIDENCE"
        assert compared["metrics"]["flips"]["gained"] == 1
        assert compared["manifest"]["signals"]["count"] == 7

        proposed = post(scientist, f"{path}/promote", {"reason": "try it"})
        assert (proposed.status_code, proposed.json()["state"]) == (201, "requested")
        promotion = f"/promotions/{proposed.json()['id']}"
        assert post(scientist, f"{promotion}/approve").status_code == 403

        approved = post(approver, f"{promotion}/approve")
        assert (approved.status_code, approved.json()["state"]) == (200, "approved")
        rolled_back = post(approver, f"{promotion}/rollback")
        assert (rolled_back.status_code, rolled_back.json()["state"]) == (200, "rolled_back")

    def test_the_proposer_is_refused_even_with_the_right_to_approve(self, approver):
        make_history(now=NOW)
        path = f"/experiments/{create(approver).json()['id']}"
        post(approver, f"{path}/run")
        work_off(now=NOW)
        promotion = post(approver, f"{path}/promote").json()

        refused = post(approver, f"/promotions/{promotion['id']}/approve")

        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "own_proposal"

    def test_the_list_shows_state_and_verdict(self, scientist):
        make_history(now=NOW)
        experiment = create(scientist).json()
        post(scientist, f"/experiments/{experiment['id']}/run")
        work_off(now=NOW)

        listed = scientist.get(f"{BASE}/experiments").json()

        assert listed["next"] is None
        [row] = listed["results"]
        assert (row["id"], row["run_state"]) == (experiment["id"], "done")
        assert row["verdict"] == "INSUFFICIENT_EVIDENCE"


class TestRefusals:
    @pytest.mark.parametrize(
        "body",
        [
            {"challenger": {}},
            {"name": "", "challenger": {}},
            {"name": "x"},
            {"name": "x", "challenger": {}, "surprise": 1},
            {"name": "x", "challenger": {"half_lives": {"demo_requested": 0}}},
            {"name": "x", "challenger": {"half_lives": {"demo_requested": "soon"}}},
            {"name": "x", "challenger": {"half_lives": {"telepathy": 60}}},
            {"name": "x", "challenger": {"weights": {"demo_requested": -1}}},
            {"name": "x", "challenger": {"hot_threshold": 100}},
            {"name": "x", "challenger": {}, "window_start": "2026-01-01T00:00:00"},
            {"name": "x", "challenger": {}, "known_at": (NOW + timedelta(days=1)).isoformat()},
            {"name": "x", "challenger": {}, "review_capacity": 0},
            {"name": "x", "challenger": {}, "seed": 2**63},
            [],
        ],
    )
    def test_a_body_that_does_not_fit_is_answered_422_and_stores_nothing(self, scientist, body):
        refused = post(scientist, "/experiments", body)

        assert refused.status_code == 422, refused.content
        assert refused.json()["error"]["message"]
        assert scientist.get(f"{BASE}/experiments").json()["results"] == []

    def test_what_does_not_exist_is_not_found(self, approver):
        for method, path in [
            ("post", f"/experiments/{uuid4()}/run"),
            ("get", f"/experiments/{uuid4()}/compare"),
            ("post", f"/experiments/{uuid4()}/promote"),
            ("post", f"/promotions/{uuid4()}/approve"),
            ("post", f"/promotions/{uuid4()}/reject"),
            ("post", f"/promotions/{uuid4()}/rollback"),
        ]:
            answer = getattr(approver, method)(f"{BASE}{path}", content_type="application/json")
            assert answer.status_code == 404, path

    def test_comparing_before_running_says_so(self, scientist):
        experiment = create(scientist).json()

        refused = scientist.get(f"{BASE}/experiments/{experiment['id']}/compare")

        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_run")

    def test_each_door_needs_its_scope(self):
        reader = make_client("reader", "lab:read", now=NOW)
        writer = make_client("writer", "lab:write", now=NOW)

        assert create(reader).status_code == 403
        assert post(reader, f"/experiments/{uuid4()}/run").status_code == 403
        assert post(reader, f"/experiments/{uuid4()}/promote").status_code == 403
        assert writer.get(f"{BASE}/experiments").status_code == 403
        assert post(writer, f"/promotions/{uuid4()}/approve").status_code == 403
        assert Client().get(f"{BASE}/experiments").status_code == 401
