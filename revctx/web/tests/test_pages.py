"""Login, home, errors, administration, and who may open which page."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from orchestration.web.tests.factories import make_action
from revctx.web.tests.markup import check_page, read_page
from revctx.web.tests.people import make_person, sign_in

PAGES = {
    "/": {"reviewer", "auditor", "privacy_officer", "lab_scientist", "integration"},
    "/accounts": {"reviewer", "approver", "lab_scientist", "privacy_officer"},
    "/approvals": {"reviewer", "approver", "lab_scientist"},
    "/signals": {"reviewer", "approver", "lab_scientist"},
    "/laboratory": {"reviewer", "approver", "lab_scientist"},
    "/laboratory/new": {"lab_scientist"},
    "/privacy": {"reviewer", "approver", "privacy_officer"},
    "/audit": {"auditor", "privacy_officer"},
}
ROLES = ("reviewer", "approver", "lab_scientist", "privacy_officer", "auditor", "integration")


@pytest.mark.django_db(databases=["default", "lab"])
class TestAccess:
    @pytest.mark.parametrize("path", PAGES)
    def test_strangers_sign_in_first(self, path):
        response = Client().get(path)

        assert (response.status_code, response["Location"]) == (302, f"/login?next={path}")

    @pytest.mark.parametrize("role", ROLES)
    def test_each_role_opens_its_pages_and_no_other(self, role):
        client = sign_in(role)

        for path, allowed in PAGES.items():
            response = client.get(path)
            expected = 200 if role in allowed or path == "/" else 403
            assert response.status_code == expected, path
            check_page(response)

    def test_the_menu_offers_what_the_role_opens(self):
        page = sign_in("auditor").get("/").content.decode()

        assert 'href="/audit"' in page
        assert 'href="/approvals"' not in page

    @pytest.mark.parametrize(
        ("path", "field"), [("/accounts", "q"), ("/signals", "source"), ("/audit", "actor")]
    )
    def test_a_field_with_nul_is_the_callers_mistake(self, path, field):
        response = sign_in("admin").get(path, {field: "a\x00b"})

        assert response.status_code == 400
        check_page(response)

    def test_a_form_with_nul_is_the_callers_mistake(self):
        response = sign_in("lab_scientist").post("/laboratory/new", {"name": "a\x00b"})

        assert response.status_code == 400

    def test_an_inactive_person_is_a_stranger(self):
        client = sign_in("admin")
        client.person.is_active = False
        client.person.save()

        assert client.get("/accounts").status_code == 302


@pytest.mark.django_db
class TestLogin:
    def test_signs_in_and_goes_on(self):
        person = make_person("reviewer")
        person.set_password("right-password")
        person.save()
        client = Client()
        check_page(client.get("/login"))

        response = client.post(
            "/login?next=/approvals",
            {"username": person.username, "password": "right-password", "next": "/approvals"},
        )

        assert (response.status_code, response["Location"]) == (302, "/approvals")

    def test_says_that_name_and_password_do_not_match(self):
        response = Client().post("/login", {"username": "nobody", "password": "wrong"})

        assert "do not match" in response.content.decode()
        check_page(response)

    def test_never_leads_to_another_site(self):
        person = make_person("reviewer")
        person.set_password("right-password")
        person.save()

        response = Client().post(
            "/login",
            {"username": person.username, "password": "right-password", "next": "https://evil.example/"},
        )

        assert response["Location"] == "/"

    def test_names_no_demo_people_outside_a_local_stack(self):
        assert "Demo people" not in Client().get("/login").content.decode()

    def test_signs_out_by_post_only(self):
        client = sign_in("reviewer")

        assert client.get("/logout").status_code == 405
        assert client.post("/logout").status_code == 302
        assert client.get("/").status_code == 302


@pytest.mark.django_db
class TestHome:
    def test_names_first_what_waits(self, django_assert_max_num_queries):
        action = make_action()
        client = sign_in("approver")

        with django_assert_max_num_queries(12):
            response = client.get("/")

        page = response.content.decode()
        assert page.index("One draft waits for a decision") < page.index("Hot accounts")
        assert f"/approvals/{action.id}" in page
        assert action.contact.name not in page

    def test_tells_how_the_services_are(self):
        response = sign_in("reviewer").get("/home/health")

        page = response.content.decode()
        assert "Scoring: 0 of" in page
        for inner in ("outbox", "bridge", "work item", "engine"):
            assert inner not in page.lower()
        assert read_page(response).faults == []


@pytest.mark.django_db
class TestErrors:
    def test_an_unknown_path_leads_back(self):
        response = sign_in("reviewer").get("/nowhere")

        assert response.status_code == 404
        assert response["X-Request-ID"] in response.content.decode()
        check_page(response)

    def test_a_form_without_its_token_is_told_what_to_do(self):
        client = Client(enforce_csrf_checks=True)
        client.force_login(
            make_person("privacy_officer"), backend="django.contrib.auth.backends.ModelBackend"
        )

        response = client.post("/privacy", {"email": "a@b.example"})

        assert response.status_code == 403
        assert "This form has expired" in response.content.decode()
        check_page(response)

    def test_an_error_of_ours_shows_a_page_with_the_request_id(self, monkeypatch):
        def fail(**_):
            raise RuntimeError("broken")

        monkeypatch.setattr("signals.selectors.list_signals", fail)
        client = sign_in("reviewer")
        client.raise_request_exception = False

        response = client.get("/signals")

        assert response.status_code == 500
        assert response["X-Request-ID"] in response.content.decode()
        assert "broken" not in response.content.decode()
        check_page(response)


@pytest.mark.django_db
class TestAdministration:
    def test_keeps_the_policy(self):
        client = sign_in("admin")
        client.person.is_staff = client.person.is_superuser = True
        client.person.save()

        response = client.get("/admin/")

        assert response.status_code == 200
        assert "css/admin.css" in response.content.decode()
        assert read_page(response).faults == []


def test_no_template_and_no_style_sheet_breaks_the_policy():
    templates = Path(settings.BASE_DIR) / "templates"
    for path in templates.rglob("*.html"):
        text = path.read_text()
        assert " style=" not in text, path
        assert "<style" not in text, path
        assert "hx-on" not in text, path
        assert "|safe" not in text, path
    for path in templates.rglob("*.css"):
        assert "url(" not in path.read_text(), path
