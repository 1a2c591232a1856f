from urllib.parse import quote

import pytest

from compliance import erasure, suppressions
from compliance.models import AuditLog, ConsentRevision, Subject
from compliance.tests.factories import ACTOR, NOW, grant_consent

BODY = {
    "email": "ada@northwind.example",
    "purpose": "outreach",
    "channel": "email",
    "jurisdiction": "DE",
    "notice_version": "2026-01",
    "source": "webform",
}


@pytest.fixture
def officer(caller):
    return caller("consent:read", "consent:write")


def post(client, path, body):
    return client.post(f"/api/consent{path}", body, content_type="application/json")


@pytest.mark.django_db
class TestGrant:
    def test_records_and_decides_under_the_caller_s_name_and_request(self, officer):
        answer = officer.post(
            "/api/consent", BODY, content_type="application/json", headers={"X-Request-ID": "trace-9"}
        )

        assert answer.status_code == 201, answer.content
        body = answer.json()
        assert (body["status"], body["number"], body["decision"]["allowed"]) == ("granted", 1, True)
        assert "northwind" not in answer.content.decode()
        row = AuditLog.objects.get(name="consent.granted")
        assert row.request_id == "trace-9"
        assert row.actor.startswith("user:")

    def test_says_when_a_recorded_consent_may_not_be_acted_upon(self, officer):
        answer = post(officer, "", BODY | {"jurisdiction": "ZZ"})

        assert answer.status_code == 201
        assert answer.json()["decision"]["reason"] == "unknown_jurisdiction"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": "nobody"}, "email"),
            ({"email": 7}, "email"),
            ({"purpose": "spam"}, "purpose"),
            ({"channel": "pigeon"}, "channel"),
            ({"jurisdiction": "Germany"}, "jurisdiction"),
            ({"notice_version": ""}, "notice_version"),
            ({"source": "ada@northwind.example"}, "source"),
            ({"lawful_basis": "whim"}, "lawful_basis"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
            ({"expires_at": "tomorrow"}, "expires_at"),
            ({"surprise": 1}, "surprise"),
        ],
    )
    def test_refuses_bad_fields_by_name_without_repeating_the_address(self, officer, changes, field):
        answer = post(officer, "", BODY | changes)

        assert answer.status_code == 422, answer.content
        assert field in answer.json()["error"]["fields"]
        assert "northwind" not in answer.content.decode()
        assert not Subject.objects.exists()

    @pytest.mark.parametrize(
        "raw", [b"{", b"[]", b'{"email": "a\\u0000@b.example"}', b'{"email":1,"email":2}']
    )
    def test_refuses_what_is_no_proper_object(self, officer, raw):
        answer = officer.post("/api/consent", raw, content_type="application/json")

        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]["request_id"]
        assert not Subject.objects.exists()


@pytest.mark.django_db
class TestByAddress:
    @pytest.mark.parametrize(
        "spelling",
        [
            "ada+x/y@bücher.example",
            "ADA+X/Y@bu\u0308cher.example",
            "ada+x/y@xn--bcher-kva.example",
        ],
    )
    def test_finds_every_spelling_percent_encoded(self, officer, spelling):
        subject_id = grant_consent(email="ada+x/y@bücher.example").subject_id

        answer = officer.get(f"/api/consent/{quote(spelling, safe='')}")

        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert (body["allowed"], body["subject_id"]) == (True, str(subject_id))
        assert [s["status"] for s in body["statements"]] == ["granted"]

    def test_a_stranger_has_not_consented(self, officer):
        body = officer.get("/api/consent/ada@northwind.example").json()

        assert (body["allowed"], body["reason"], body["subject_id"], body["statements"]) == (
            False,
            "no_consent",
            None,
            [],
        )

    def test_decides_for_the_channel_asked_for(self, officer):
        grant_consent()

        assert (
            officer.get("/api/consent/ada@northwind.example?channel=phone").json()["reason"] == "no_consent"
        )
        assert officer.get("/api/consent/ada@northwind.example?channel=pigeon").status_code == 422

    @pytest.mark.parametrize("text", ["nobody", "%00@b.example", "a@b@c.example", "a%20b@c.example"])
    def test_refuses_what_is_no_address(self, officer, text):
        answer = officer.get(f"/api/consent/{text}")

        assert answer.status_code == 422
        assert "invalid_email" in answer.content.decode()

    def test_delete_withdraws_at_once_and_again_without_harm(self, officer):
        subject_id = grant_consent().subject_id

        first = officer.delete("/api/consent/ADA%40northwind.example")
        second = officer.delete("/api/consent/ada@northwind.example")

        assert [s["status"] for s in first.json()["revoked"]] == ["revoked"]
        assert second.json() == {"revoked": []}
        assert officer.get("/api/consent/ada@northwind.example").json()["reason"] == "revoked"
        assert ConsentRevision.objects.filter(subject_id=subject_id).count() == 2

    def test_delete_of_a_stranger_is_not_found(self, officer):
        assert officer.delete("/api/consent/ada@northwind.example").status_code == 404


@pytest.mark.django_db
class TestCheckAndRevoke:
    def test_check_keeps_the_address_out_of_the_path(self, officer):
        statement = grant_consent()

        body = post(officer, "/check", {"email": "ada@northwind.example"}).json()

        assert (body["allowed"], body["revision_id"]) == (True, str(statement.id))

    def test_revoke_names_what_it_withdraws(self, officer):
        grant_consent()
        grant_consent(channel="phone")

        body = post(officer, "/revoke", {"email": "ada@northwind.example", "channel": "phone"}).json()

        assert [s["channel"] for s in body["revoked"]] == ["phone"]
        assert post(officer, "/check", {"email": "ada@northwind.example"}).json()["allowed"] is True

    def test_an_erased_address_is_suppressed_until_a_new_consent(self, officer):
        erasure.erase(subject_id=grant_consent().subject_id, actor=ACTOR, now=NOW)

        assert post(officer, "/check", {"email": BODY["email"]}).json()["reason"] == "suppressed"
        assert post(officer, "", BODY).json()["decision"]["allowed"] is True
        assert not suppressions.is_suppressed(email=BODY["email"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("post", "/api/consent", "consent:write"),
        ("post", "/api/consent/check", "consent:read"),
        ("post", "/api/consent/revoke", "consent:write"),
        ("get", "/api/consent/ada@northwind.example", "consent:read"),
        ("delete", "/api/consent/ada@northwind.example", "consent:write"),
        ("get", "/api/audit/events", "audit:read"),
    ],
)
class TestAccess:
    def test_needs_its_scope(self, caller, client, method, path, needed):
        others = {"consent:read", "consent:write", "audit:read", "signals:write"} - {needed}

        assert getattr(client, method)(path).status_code == 401
        assert getattr(caller(*others), method)(path).status_code == 403
        assert getattr(caller(needed), method)(path).status_code not in {401, 403}
