"""Pages of breaches."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance import subjects
from compliance.web.breaches import LOCAL_TIME
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db


def form(**changes):
    now = datetime.now(UTC)
    return {
        "summary": "A laptop was lost.",
        "nature": "availability",
        "risk": "risk",
        "places": ["subjects"],
        "recorded_until": (now + timedelta(minutes=1)).strftime(LOCAL_TIME),
        "aware_at": now.strftime(LOCAL_TIME),
    } | changes


def test_from_the_form_to_the_list_of_whom_to_tell():
    subjects.ensure_subjects(emails=["ada@northwind.example"], now=datetime.now(UTC))
    officer = sign_in("privacy_officer")
    check_page(officer.get("/privacy/breaches/new"))

    made = officer.post("/privacy/breaches/new", form())
    page = officer.get(made.headers["Location"])
    file = officer.post(f"{made.headers['Location']}/affected")

    check_page(page)
    assert "in 71 h" in page.content.decode()
    assert page.context["summary"].persons == 1
    assert "ada@northwind.example" not in page.content.decode()
    assert "ada@northwind.example" in file.content.decode()
    check_page(officer.get("/privacy/breaches"))


def test_says_what_is_wrong_and_keeps_what_was_written():
    officer = sign_in("privacy_officer")

    refused = officer.post("/privacy/breaches/new", form(aware_at="tomorrow", summary="A laptop."))

    assert refused.status_code == 422
    assert "date and time" in refused.content.decode()
    assert "A laptop." in refused.content.decode()


def test_is_closed_to_others():
    assert sign_in("reviewer").get("/privacy/breaches").status_code == 403
