from uuid import uuid4

import pytest
from django.utils import timezone

from compliance.models import PrivacyRequest
from compliance.privacy import execution

pytestmark = pytest.mark.django_db
ADA = "ada@northwind.example"
BODY = {"type": "access", "identity": {"email": ADA}, "jurisdiction": "US-CA", "verified_by": "email_link"}
URL = "/api/privacy/requests"


@pytest.fixture(autouse=True)
def journal_folder(settings, tmp_path):
    settings.ERASURE_JOURNAL_DIR = str(tmp_path)


@pytest.fixture
def officer(caller):
    return caller("privacy:write")


def post(client, body, path=""):
    return client.post(URL + path, body, content_type="application/json")


def work():
    for request_id in execution.list_due(now=timezone.now()):
        execution.run_request(request_id=request_id, now=timezone.now())


def test_access_from_request_to_export(officer):
    made = post(officer, BODY)
    assert made.status_code == 201, made.content
    assert (made.json()["state"], ADA in made.content.decode()) == ("approved", False)
    path = f"{URL}/{made.json()['id']}"
    assert officer.get(f"{path}/export").status_code == 404

    work()

    stands = officer.get(path).json()
    assert (stands["state"], stands["regime"]) == ("complete", "ccpa")
    assert [(t["name"], t["state"]) for t in stands["targets"]] == [("compliance.export", "acknowledged")]
    export = officer.get(f"{path}/export").json()
    assert (export["address"], export["sections"]["requests"]["requests"][0]["type"]) == (ADA, "access")
    page = officer.get(f"{path}/export?as=html")
    assert page.headers["Content-Type"].startswith("text/html")
    assert ADA in page.content.decode()


def test_erasure_ends_with_a_certificate_and_takes_the_export_along(officer):
    access, erasure = post(officer, BODY).json(), post(officer, BODY | {"type": "erasure"}).json()
    work()

    certificate = officer.get(f"{URL}/{erasure['id']}/certificate").json()

    assert certificate["certificate"]["subject_id"] == erasure["subject_id"]
    assert certificate["signature"]["algorithm"] == "Ed25519"
    assert officer.get(f"{URL}/{access['id']}/export").status_code == 404
    listed = officer.get(URL, {"type": "erasure"}).json()["results"]
    assert [row["id"] for row in listed] == [erasure["id"]]


def test_decisions(officer):
    made = post(officer, BODY | {"verified_by": ""}).json()
    path = f"/{made['id']}/decisions"

    assert post(officer, {"move": "approve"}, path).status_code == 409
    assert post(officer, {"move": "verify", "code": "magic"}, path).status_code == 422
    assert post(officer, {"move": "verify", "code": "document"}, path).json()["state"] == "verified"
    assert post(officer, {"move": "confirm"}, path).json()["confirmed_at"]
    assert post(officer, {"move": "extend", "code": "complexity"}, path).json()["extension_reason"]
    assert post(officer, {"move": "approve"}, path).json()["state"] == "approved"
    assert post(officer, {"move": "approve"}, f"/{uuid4()}/decisions").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        BODY | {"type": "x"},
        BODY | {"identity": {"email": "nobody"}},
        BODY | {"jurisdiction": "ZZ"},
        BODY | {"more": 1},
        {"type": "access"},
    ],
)
def test_refuses_and_stores_nothing(officer, body):
    assert post(officer, body).status_code == 422
    assert not PrivacyRequest.objects.exists()


def test_needs_the_scope(caller):
    assert post(caller("consent:write"), BODY).status_code == 403
    assert caller("audit:read").get(f"{URL}/{uuid4()}").status_code == 403
