"""Pages of privacy requests."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from compliance.privacy import execution
from compliance.privacy.models import PrivacyRequest
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db
FORM = {"type": "erasure", "email": "someone@customer.test", "jurisdiction": "DE", "verified_by": "officer"}


@pytest.fixture(autouse=True)
def journal_folder(settings, tmp_path):
    settings.ERASURE_JOURNAL_DIR = str(tmp_path)


@pytest.fixture
def officer():
    return sign_in("privacy_officer")


def take_in(client, **changes):
    response = client.post("/privacy/requests/new", FORM | changes)
    assert response.status_code == 302, response.content
    return response.headers["Location"]


def work():
    for request_id in execution.list_due(now=datetime.now(UTC)):
        execution.run_request(request_id=request_id, now=datetime.now(UTC))


def test_an_erasure_from_form_to_certificate(officer):
    page = take_in(officer)
    check_page(officer.get(page))
    work()

    done = officer.get(page)
    file = officer.get(f"{page}/certificate")

    assert done.context["item"].state == "complete"
    assert "someone@customer.test" not in done.content.decode()
    check_page(done)
    assert "attachment" in file.headers["Content-Disposition"]
    assert file.json()["certificate"]["type"] == "erasure"
    check_page(officer.get("/privacy/requests"))


def test_an_access_request_is_read_as_a_page_and_as_json(officer):
    page = take_in(officer, type="access")
    work()
    check_page(officer.get(page))

    read = officer.post(f"{page}/export", {"as": "html"})
    data = officer.post(f"{page}/export", {"as": "json"})

    assert "someone@customer.test" in read.content.decode()
    assert data.json()["address"] == "someone@customer.test"


def test_identity_is_verified_before_anything_happens(officer):
    page = take_in(officer, verified_by="")
    check_page(officer.get(page))

    officer.post(page, {"move": "verify", "code": "document"})
    check_page(officer.get(page))
    officer.post(page, {"move": "approve"})
    work()

    assert officer.get(page).context["item"].state == "complete"


def test_says_why_a_move_is_refused(officer):
    page = take_in(officer)

    response = officer.post(page, {"move": "approve"}, follow=True)

    assert "could not be done" in response.content.decode()
    check_page(response)


@pytest.mark.parametrize(
    ("changes", "field"), [({"email": "x"}, "email"), ({"jurisdiction": "ZZ"}, "jurisdiction")]
)
def test_says_what_is_wrong_with_the_form(officer, changes, field):
    response = officer.post("/privacy/requests/new", FORM | changes)

    assert (response.status_code, list(response.context["errors"])) == (422, [field])
    check_page(response)
    assert not PrivacyRequest.objects.exists()


@pytest.mark.parametrize("path", ["", "/new"])
def test_is_for_privacy_officers(path):
    assert sign_in("reviewer").get(f"/privacy/requests{path}").status_code == 403


def test_pages_that_hold_nothing(officer):
    check_page(officer.get("/privacy/requests"))
    check_page(officer.get("/privacy/requests", {"state": "complete", "type": "x"}))
    assert officer.get(f"/privacy/requests/{uuid4()}").status_code == 404
    assert officer.get(f"/privacy/requests/{uuid4()}/certificate").status_code == 404
    assert officer.post(f"/privacy/requests/{uuid4()}/export").status_code == 404
