import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client

from compliance import consent, policies, suppressions
from compliance.consent_rules import CHANNELS, SUBSCRIBER_TYPES
from compliance.jurisdictions import JURISDICTIONS, list_places
from compliance.models import AuditLog, ConsentPolicy, ConsentRevision
from compliance.tests.factories import ACTOR, NOW, grant_consent

BASES = ("consent", "soft_opt_in", "legitimate_interest")


def decide(**changes):
    statement = grant_consent(**changes)
    channel = changes.get("channel", "email")
    return consent.decide(subject_id=statement.subject_id, channel=channel, now=NOW)


@pytest.mark.django_db
class TestTable:
    def test_every_row_names_its_source_and_a_known_place(self):
        rows = list(ConsentPolicy.objects.all())

        assert len(rows) > 100
        for row in rows:
            row.full_clean()
            assert row.country in JURISDICTIONS
            assert any(character.isdigit() for character in row.legal_source), row.legal_source
        with pytest.raises(IntegrityError), transaction.atomic():
            ConsentPolicy.objects.create(
                country="DE", subscriber_type="individual", channel="fax", mode="deny", legal_source=" "
            )

    def test_nobody_is_sent_unsolicited_mail_where_the_person_must_agree_first(self):
        """Individuals, by e-mail: an interest of ours is enough in the United States alone."""
        loose = {
            code
            for code in JURISDICTIONS
            if decide(
                email=f"p{code.lower()}@northwind.example",
                jurisdiction=code,
                lawful_basis="legitimate_interest",
            ).allowed
        }

        assert loose == {"US", "US-CA"}

    @pytest.mark.parametrize("subscriber_type", SUBSCRIBER_TYPES)
    @pytest.mark.parametrize("channel", CHANNELS)
    def test_every_case_is_decided_by_the_row_of_the_narrowest_place(self, subscriber_type, channel):
        table = {(row.country, row.subscriber_type, row.channel): row for row in ConsentPolicy.objects.all()}
        accepted = {"opt_in": BASES[:1], "soft_opt_in": BASES[:2], "opt_out": BASES, "deny": ()}
        for code in ("EU", "DE", "AT", "FR", "NL", "UK", "CH", "US", "US-CA", "CA", "IN", "NZ", "BR"):
            rows = [table.get((place, subscriber_type, channel)) for place in list_places(code)]
            row = next((row for row in rows if row), None)
            for basis in BASES:
                decision = decide(
                    email=f"{basis}-{code}@northwind.example".lower(),
                    jurisdiction=code,
                    subscriber_type=subscriber_type,
                    channel=channel,
                    lawful_basis=basis,
                )
                expected = row is not None and basis in accepted[row.mode]
                waits = row is not None and row.double_opt_in and basis == "consent"
                assert decision.allowed == (expected and not waits), (code, basis, decision)
                assert decision.policy_id == (row.pk if row else None)

    def test_uk_companies_may_be_written_to_and_sole_traders_not(self):
        case = {"jurisdiction": "UK", "lawful_basis": "legitimate_interest"}

        assert decide(email="a@a.example", subscriber_type="corporate", **case).allowed
        assert (
            decide(email="b@b.example", subscriber_type="sole_trader", **case).reason == "basis_insufficient"
        )
        assert decide(email="c@c.example", **case).reason == "basis_insufficient"  # nobody said: individual

    def test_other_purposes_rest_on_consent_alone(self):
        case = {"jurisdiction": "US", "purpose": "analytics"}
        interest = grant_consent(email="a@a.example", lawful_basis="legitimate_interest", **case)
        agreed = grant_consent(email="b@b.example", **case)

        def reason(statement):
            return consent.decide(subject_id=statement.subject_id, purpose="analytics", now=NOW).reason

        assert (reason(interest), reason(agreed)) == ("basis_insufficient", "allowed")


@pytest.mark.django_db
class TestObjections:
    """An interest of ours never overrides what a person said."""

    INTEREST = {"jurisdiction": "US", "lawful_basis": "legitimate_interest"}

    def test_an_interest_does_not_stand_against_a_withdrawal(self):
        subject_id = grant_consent(**self.INTEREST).subject_id
        consent.revoke(subject_id=subject_id, source="mail", actor=ACTOR, now=NOW)

        with pytest.raises(consent.InvalidConsent, match="objected"):
            grant_consent(**self.INTEREST)
        assert consent.decide(subject_id=subject_id, now=NOW).reason == "revoked"
        grant_consent(jurisdiction="US")
        assert consent.decide(subject_id=subject_id, now=NOW).allowed

    def test_nor_against_an_objection_of_somebody_who_never_agreed(self):
        subject_id = grant_consent(channel="phone").subject_id
        fields = {
            "subject_id": subject_id,
            "jurisdiction": "US",
            "source": "call",
            "actor": ACTOR,
            "now": NOW,
        }
        first = consent.opt_out(purpose="outreach", **fields)

        assert consent.opt_out(purpose="outreach", **fields) is None
        assert (first.status, first.number) == ("opted_out", 1)
        assert consent.decide(subject_id=subject_id, now=NOW).reason == "opted_out"
        with pytest.raises(consent.InvalidConsent, match="objected"):
            grant_consent(**self.INTEREST)

    def test_nor_against_a_suppression(self):
        suppressions.suppress(address="ada@northwind.example", reason="erased", now=NOW)

        with pytest.raises(consent.InvalidConsent, match="objected"):
            grant_consent(**self.INTEREST)
        assert not ConsentRevision.objects.exists()
        assert suppressions.is_suppressed(email="ada@northwind.example")


@pytest.mark.django_db
class TestChanges:
    def test_a_change_governs_at_once_and_is_audited_with_what_stood_before(self):
        statement = grant_consent()
        row = ConsentPolicy.objects.get(country="DE", subscriber_type="individual", channel="email")
        row.mode = "deny"

        policies.save_policy(row, actor=ACTOR, now=NOW)

        assert consent.decide(subject_id=statement.subject_id, now=NOW).reason == "policy_denies"
        entry = AuditLog.objects.get(name="consent_policy.changed")
        assert (entry.payload["old_mode"], entry.payload["mode"]) == ("soft_opt_in", "deny")

    def test_the_admin_changes_through_the_service_and_never_deletes(self):
        boss = User.objects.create_superuser("boss")
        client = Client()
        client.force_login(boss)
        row = ConsentPolicy.objects.get(country="UK", subscriber_type="corporate", channel="email")
        page = f"/admin/compliance/consentpolicy/{row.pk}/"
        form = {"mode": "opt_in", "legal_source": "Counsel's advice of 2026-11-01"}

        assert client.get(f"{page}change/").status_code == 200
        refused = client.post(f"{page}change/", form | {"legal_source": "ask ada@northwind.example"})
        assert b"no address" in refused.content
        assert client.post(f"{page}change/", form).status_code == 302
        assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403

        row.refresh_from_db()
        assert (row.mode, row.country) == ("opt_in", "UK")
        assert AuditLog.objects.get(name="consent_policy.changed").actor == f"user:{boss.pk}"
