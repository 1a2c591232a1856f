"""Every reason to deny, once, through the API."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance import consent, erasure, policies, suppressions
from compliance.consent_rules import REASONS
from compliance.models import ConsentPolicy
from compliance.tests.factories import ACTOR, NOW, grant_consent

ADA = "ada@northwind.example"


def no_consent():
    grant_consent(channel="phone")


def revoked():
    grant_consent()
    consent.revoke(email=ADA, source="mail", actor=ACTOR, now=NOW)


def opted_out():
    subject_id = grant_consent().subject_id
    fields = {"jurisdiction": "DE", "source": "mail", "actor": ACTOR, "now": NOW}
    consent.opt_out(subject_id=subject_id, purpose="outreach", **fields)


def unconfirmed():
    grant_consent(jurisdiction="AT")


def expired():
    past = datetime.now(UTC) - timedelta(days=2)
    grant_consent(now=past, expires_at=past + timedelta(days=1))


def unknown_jurisdiction():
    grant_consent(jurisdiction="ZZ")


def no_policy():
    grant_consent(jurisdiction="BR")
    ConsentPolicy.objects.filter(country="BR").delete()


def policy_denies():
    grant_consent()
    row = ConsentPolicy.objects.get(country="DE", subscriber_type="individual", channel="email")
    row.mode = "deny"
    policies.save_policy(row, actor=ACTOR, now=NOW)


def basis_insufficient():
    grant_consent(lawful_basis="legitimate_interest")


def suppressed():
    grant_consent()
    suppressions.suppress(address=ADA, reason="erased", now=NOW)


def erased():
    subject_id = grant_consent().subject_id
    erasure.erase(subject_id=subject_id, actor=ACTOR, now=NOW)
    return {"subject_id": str(subject_id)}


DENIALS = (
    no_consent, revoked, opted_out, unconfirmed, expired, unknown_jurisdiction, no_policy, policy_denies,
    basis_insufficient, suppressed, erased,
)  # fmt: skip


@pytest.mark.django_db
class TestReasons:
    def test_no_reason_is_left_out(self):
        assert {case.__name__ for case in DENIALS} | {"allowed"} == set(REASONS)

    @pytest.mark.parametrize("case", DENIALS, ids=lambda case: case.__name__)
    def test_denies_and_says_why(self, api_client, case):
        question = case() or {"email": ADA}

        answer = api_client("consent:read").post("/api/consent/check", question)

        assert answer.status_code == 200, answer.content
        assert (answer.json()["allowed"], answer.json()["reason"]) == (False, case.__name__)

    @pytest.mark.parametrize("question", [{}, {"email": ADA, "subject_id": "0" * 32}])
    def test_asks_for_one_person_named_one_way(self, api_client, question):
        assert api_client("consent:read").post("/api/consent/check", question).status_code == 422
