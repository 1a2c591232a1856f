"""Privacy and audit pages."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from compliance import consent, subjects
from compliance.erasure import erase
from compliance.sealing.findings import Finding, Report
from compliance.sealing.models import AuditVerification
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db
EMAIL = "someone@customer.test"
FORM = {
    "email": EMAIL,
    "purpose": "outreach",
    "channel": "email",
    "jurisdiction": "DE",
    "notice_version": "2026-03",
    "source": "web form",
}


def grant(email: str) -> consent.ConsentStatement:
    return consent.grant(
        email=email,
        jurisdiction="EU",
        notice_version="v3",
        source="web form",
        actor="system:test",
        now=datetime.now(UTC),
    )


class TestLookup:
    def test_finds_a_person_without_an_address_in_any_url(self):
        statement = grant(EMAIL)

        response = sign_in("privacy_officer").post("/privacy", {"email": EMAIL}, follow=True)

        assert response.redirect_chain == [(f"/privacy/{statement.subject_id}", 302)]
        assert EMAIL not in response.content.decode()
        check_page(response)

    def test_says_that_nothing_is_known(self):
        response = sign_in("privacy_officer").post("/privacy", {"email": EMAIL})

        assert "No record of this address" in response.content.decode()
        check_page(response)

    def test_says_what_is_no_address(self):
        response = sign_in("privacy_officer").post("/privacy", {"email": "nobody"})

        assert response.status_code == 422
        check_page(response)


class TestRecord:
    def test_records_a_consent(self):
        response = sign_in("privacy_officer").post("/privacy/consents", FORM, follow=True)

        decision = consent.decide_for_address(email=EMAIL, now=datetime.now(UTC))
        assert (decision.allowed, decision.jurisdiction) == (True, "DE")
        assert "It takes effect at once." in response.content.decode()
        check_page(response)

    @pytest.mark.parametrize(
        "wrong", [{"email": "nobody"}, {"notice_version": ""}, {"source": "a@b"}, {"jurisdiction": "Mars"}]
    )
    def test_shows_what_is_wrong_and_stores_nothing(self, wrong):
        response = sign_in("privacy_officer").post("/privacy/consents", FORM | wrong)

        assert response.status_code == 422
        assert 'class="error"' in response.content.decode()
        assert subjects.find_subject(email=EMAIL) is None
        check_page(response)

    def test_needs_the_scope_to_write(self):
        client = sign_in("reviewer")

        assert client.post("/privacy/consents", FORM).status_code == 403
        assert "Record a consent" not in client.get("/privacy").content.decode()


class TestPerson:
    def test_withdraws_one_purpose(self):
        statement = grant(EMAIL)
        client = sign_in("privacy_officer")

        response = client.post(
            f"/privacy/{statement.subject_id}/revoke",
            {"purpose": "outreach", "channel": "email"},
            follow=True,
        )

        assert not consent.decide(subject_id=statement.subject_id, now=datetime.now(UTC)).allowed
        page = response.content.decode()
        assert "Consent withdrawn." in page
        assert "Withdraw everything…" not in page
        assert f"<small>{client.person.username}" in page
        check_page(response)

    def test_withdraws_nothing_for_a_purpose_that_does_not_exist(self):
        statement = grant(EMAIL)
        client = sign_in("privacy_officer")

        response = client.post(f"/privacy/{statement.subject_id}/revoke", {"purpose": "everything"})

        assert response.status_code == 400
        assert consent.decide(subject_id=statement.subject_id, now=datetime.now(UTC)).allowed

    def test_shows_that_somebody_was_erased(self):
        statement = grant(EMAIL)
        erase(subject_id=statement.subject_id, actor="system:test", now=datetime.now(UTC))

        response = sign_in("privacy_officer").get(f"/privacy/{statement.subject_id}")

        assert "This person was erased" in response.content.decode()
        check_page(response)

    def test_an_unknown_person_is_a_404(self):
        client = sign_in("privacy_officer")

        assert client.get(f"/privacy/{uuid4()}").status_code == 404
        assert client.post(f"/privacy/{uuid4()}/revoke").status_code == 404


class TestAudit:
    def test_finds_events_by_their_target(self, django_assert_max_num_queries):
        statement = grant(EMAIL)
        grant("another@customer.test")
        client = sign_in("auditor")

        with django_assert_max_num_queries(6):
            response = client.get("/audit", {"target_id": str(statement.subject_id)})

        events = response.context["page"].rows
        assert {event.target_id for event in events} == {str(statement.subject_id)}
        assert "consent.granted" in response.content.decode()
        check_page(response)

    @pytest.mark.parametrize("query", [{"account_id": "x"}, {"name": "nothing"}, {"actor": "user:0"}])
    def test_nothing_found_is_a_page(self, query):
        response = sign_in("auditor").get("/audit", query)

        assert response.context["page"].rows == []
        check_page(response)


class TestVerification:
    """The button, the page while it runs, the report; the work itself is tested with the seals."""

    def start(self, client):
        response = client.post("/audit/verifications")
        assert response.status_code == 302
        return response.headers["Location"]

    def test_starts_once_and_is_watched(self):
        officer, auditor = sign_in("privacy_officer"), sign_in("auditor")

        place = self.start(officer)

        assert self.start(auditor) == place
        page = auditor.get(place)
        assert 'hx-trigger="every 2s"' in page.content.decode()
        assert officer.person.username in page.content.decode()
        check_page(page)
        assert "A verification is running" in auditor.get("/audit").content.decode()

    def test_names_the_first_bad_row_and_gives_the_report(self):
        client = sign_in("auditor")
        place = self.start(client)
        report = Report(size=9, rows=9)
        report.add(Finding("guard_off", "table audit_keys can be changed"))
        report.add(Finding("row_changed", "the row is not what was sealed", 4, "0194f3a2-0000"))
        AuditVerification.objects.update(
            state="unsound", report=report.to_json(), finished_at=datetime.now(UTC)
        )

        page = client.get(place)

        assert "First bad event: <code>0194f3a2-0000</code>, number 4" in page.content.decode()
        assert "every 2s" not in page.content.decode()
        check_page(page)
        check_page(client.get("/audit/verifications"))
        saved = client.get(f"{place}.json")
        assert "attachment" in saved.headers["Content-Disposition"]
        assert saved.json()["report"]["first"]["event_id"] == "0194f3a2-0000"

    def test_says_that_all_is_sound(self):
        client = sign_in("auditor")
        place = self.start(client)
        AuditVerification.objects.update(
            state="sound", report=Report(size=9, rows=9).to_json(), finished_at=datetime.now(UTC)
        )

        page = client.get(place)

        assert "Nothing was changed" in page.content.decode()
        check_page(page)
        assert "Last verified" in client.get("/audit").content.decode()

    def test_is_for_those_who_may_read_the_log(self):
        assert sign_in("reviewer").post("/audit/verifications").status_code == 403
        assert sign_in("reviewer").get(f"/audit/verifications/{uuid4()}").status_code == 403
        assert sign_in("auditor").get(f"/audit/verifications/{uuid4()}").status_code == 404
