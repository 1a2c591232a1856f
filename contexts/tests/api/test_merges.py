"""The identity endpoints."""

import pytest

from contexts import selectors
from contexts.identity_models import MergeCandidate
from contexts.tests.factories import make_draft, score_signals

pytestmark = pytest.mark.django_db

PAIR = {"kind": "account", "merged": "001B", "survivor": "acme.example"}


@pytest.fixture
def two_accounts():
    score_signals(
        make_draft(account={"crm_id": "001A", "domain": "acme.example"}),
        make_draft("trial_started", crm_id="001B"),
    )
    return selectors.get_account_id("001A"), selectors.get_account_id("001B")


def test_merges_previews_lists_and_undoes(api_client, two_accounts):
    client = api_client("accounts:read", "accounts:write")

    preview = client.post("/api/identity/merges/preview", PAIR)
    made = client.post("/api/identity/merges", PAIR)

    assert preview.status_code == 200
    assert preview.json()["accounts"][0]["intent_after"] > preview.json()["accounts"][0]["intent"]
    assert made.status_code == 201
    row = made.json()
    assert (row["survivor_id"], row["merged_id"]) == tuple(str(pk) for pk in two_accounts)
    detail = client.get("/api/accounts/001B").json()
    assert detail["id"] == str(two_accounts[0])
    assert detail["intent"] == pytest.approx(preview.json()["accounts"][0]["intent_after"], abs=0.01)
    assert client.post("/api/identity/merges", PAIR).status_code == 409
    [listed] = client.get("/api/identity/merges").json()["results"]
    assert listed == client.get(f"/api/identity/merges/{row['id']}").json() == row

    undone = client.post(f"/api/identity/merges/{row['id']}/undo")

    assert undone.json()["undone_by"] == f"user:{client.user.pk}"
    assert client.get("/api/accounts/001B").json()["id"] == str(two_accounts[1])
    assert client.post(f"/api/identity/merges/{row['id']}/undo").status_code == 409


def test_candidates_are_listed_and_dismissed(api_client, two_accounts):
    score_signals(make_draft(account={"crm_id": "001B", "domain": "acme.example"}))
    client = api_client("accounts:read", "accounts:write")

    [row] = client.get("/api/identity/candidates").json()["results"]
    dismissed = client.post(f"/api/identity/candidates/{row['id']}/dismiss")

    assert row["reason"] == "two_crm_ids"
    assert dismissed.status_code == 204
    assert client.get("/api/identity/candidates").json()["results"] == []
    assert (
        client.get("/api/identity/candidates", {"state": "dismissed"}).json()["results"][0]["id"] == row["id"]
    )
    assert client.post(f"/api/identity/candidates/{row['id']}/dismiss").status_code == 404
    assert client.get("/api/identity/candidates", {"state": "odd"}).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (PAIR | {"merged": "nobody.example"}, 404),
        (PAIR | {"merged": "001A"}, 409),
        (PAIR | {"kind": "contact"}, 422),
        (PAIR | {"kind": "odd"}, 422),
        (PAIR | {"more": 1}, 422),
        (
            {
                "kind": "contact",
                "merged": "8c0c4c26-9d58-4d0d-a2c0-1b0f6a8a0a11",
                "survivor": "8c0c4c26-9d58-4d0d-a2c0-1b0f6a8a0a12",
            },
            404,
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_happens(api_client, two_accounts, body, status):
    client = api_client("accounts:read", "accounts:write")

    for path in ("/api/identity/merges", "/api/identity/merges/preview"):
        assert client.post(path, body).status_code == status
    assert client.get("/api/identity/merges").json()["results"] == []


def test_writing_needs_its_scope(api_client, two_accounts):
    reader = api_client("accounts:read")

    assert reader.post("/api/identity/merges/preview", PAIR).status_code == 200
    assert reader.post("/api/identity/merges", PAIR).status_code == 403
    assert api_client("signals:read").get("/api/identity/candidates").status_code == 403
    assert not MergeCandidate.objects.exists()
