from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from compliance import consent, erasure, subjects
from compliance.models import AuditLog, ConsentPolicy, ConsentRevision
from compliance.tests.factories import ACTOR, NOW, grant_consent
from revctx.eventbus.models import OutboxEvent

ADA = "ada@northwind.example"


def revoke_all(**changes):
    return consent.revoke(**({"email": ADA, "actor": ACTOR, "source": "mail", "now": NOW} | changes))


def list_events(subject_id):
    return list(OutboxEvent.objects.filter(key=str(subject_id)).order_by("id").values_list("type", "data"))


@pytest.mark.django_db
class TestGrant:
    def test_allows_from_now_on_and_names_its_revision(self):
        statement = grant_consent()

        decision = consent.decide(subject_id=statement.subject_id, now=NOW)

        assert decision == consent.ConsentDecision(
            allowed=True,
            reason="allowed",
            revision_id=statement.id,
            decided_at=NOW,
            jurisdiction="DE",
            notice_version="2026-01",
            captured_at=NOW,
            policy_id=ConsentPolicy.objects.get(
                country="DE", subscriber_type="individual", channel="email"
            ).pk,
        )

    def test_is_audited_and_told_with_ids_only(self):
        statement = grant_consent()

        [row] = AuditLog.objects.filter(target_id=str(statement.subject_id))
        assert (row.name, row.actor, row.payload["revision_id"]) == (
            "consent.granted",
            ACTOR,
            str(statement.id),
        )
        [(topic, data)] = list_events(statement.subject_id)
        assert topic == "consent.changed"
        assert data == {
            "subject_id": str(statement.subject_id),
            "purpose": "outreach",
            "channel": "email",
            "status": "granted",
            "revision_id": str(statement.id),
        }
        assert "northwind" not in str(row.payload) + str(data)

    def test_counts_revisions_of_one_purpose_and_channel(self):
        first, second = grant_consent(), grant_consent(email="ADA@northwind.example")
        other = grant_consent(channel="phone")

        assert (first.number, second.number, other.number) == (1, 2, 1)
        assert first.subject_id == second.subject_id == other.subject_id

    def test_seals_the_proof_under_the_person_s_key(self):
        statement = grant_consent(proof="form 17, ticked at 12:00")

        sealed = bytes(ConsentRevision.objects.get(id=statement.id).sealed_proof)

        assert b"form 17" not in sealed
        row = (statement.subject_id, sealed, consent.PROOF + statement.id.bytes)
        assert subjects.open_sealed(items=[row], actor=ACTOR, purpose="test", now=NOW) == [
            b"form 17, ticked at 12:00"
        ]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("purpose", "world domination"),
            ("channel", "pigeon"),
            ("lawful_basis", "because"),
            ("jurisdiction", "de"),
            ("jurisdiction", "Germany"),
            ("notice_version", ""),
            ("notice_version", "ada@northwind.example"),
            ("source", "asked ada@northwind.example"),
            ("source", "x" * 65),
            ("expires_at", NOW),
        ],
    )
    def test_refuses_what_it_cannot_stand_for(self, field, value):
        with pytest.raises(consent.InvalidConsent) as refusal:
            grant_consent(**{field: value})

        assert refusal.value.field == field
        assert subjects.find_subject(email=ADA) is None


@pytest.mark.django_db
class TestDecide:
    def test_denies_whom_it_does_not_know(self):
        stranger = uuid4()

        decision = consent.decide(subject_id=stranger, now=NOW)

        assert (decision.allowed, decision.reason, decision.revision_id) == (False, "no_consent", None)

    def test_denies_another_purpose_or_channel(self):
        subject_id = grant_consent().subject_id

        assert consent.decide(subject_id=subject_id, channel="phone", now=NOW).reason == "no_consent"
        assert consent.decide(subject_id=subject_id, purpose="analytics", now=NOW).reason == "no_consent"

    def test_denies_from_the_second_it_expires(self):
        statement = grant_consent(expires_at=NOW + timedelta(days=1))
        just_before = NOW + timedelta(days=1) - timedelta(microseconds=1)

        assert consent.decide(subject_id=statement.subject_id, now=just_before).allowed
        decision = consent.decide(subject_id=statement.subject_id, now=NOW + timedelta(days=1))
        assert (decision.allowed, decision.reason, decision.revision_id) == (False, "expired", statement.id)

    def test_denies_under_a_law_it_has_no_rules_for(self):
        statement = grant_consent(jurisdiction="ZZ")

        assert consent.decide(subject_id=statement.subject_id, now=NOW).reason == "unknown_jurisdiction"

    @pytest.mark.parametrize("code", ["EU", "DE", "UK", "US", "US-CA", "IN", "FR", "NL", "CA", "AU"])
    def test_knows_the_jurisdictions_it_is_made_for(self, code):
        assert consent.decide(subject_id=grant_consent(jurisdiction=code).subject_id, now=NOW).allowed

    def test_denies_the_erased(self):
        subject_id = grant_consent().subject_id
        erasure.erase(subject_id=subject_id, actor=ACTOR, now=NOW)

        assert consent.decide(subject_id=subject_id, now=NOW).reason == "erased"
        assert consent.decide_for_address(email=ADA, now=NOW).reason == "suppressed"

    def test_decides_for_many_in_four_queries(self, django_assert_num_queries):
        granted = [grant_consent(email=f"p{n}@northwind.example").subject_id for n in range(20)]
        revoke_all(email=None, subject_id=granted[0])
        strangers = [uuid4() for _ in range(20)]

        with django_assert_num_queries(4):
            status = consent.list_status(subject_ids=granted + strangers, now=NOW)

        assert status[granted[0]].reason == "revoked"
        assert all(status[s].allowed for s in granted[1:])
        assert {status[s].reason for s in strangers} == {"no_consent"}


@pytest.mark.django_db
class TestRevoke:
    def test_withdraws_everything_at_once_and_tells_it(self):
        subject_id = grant_consent().subject_id
        grant_consent(channel="phone")

        revoked = revoke_all(email=" ADA@northwind.example")

        assert {(r.channel, r.number, r.status) for r in revoked} == {
            ("email", 2, "revoked"),
            ("phone", 2, "revoked"),
        }
        assert consent.decide(subject_id=subject_id, now=NOW).reason == "revoked"
        assert [data["status"] for _, data in list_events(subject_id)] == [
            "granted",
            "granted",
            "revoked",
            "revoked",
        ]
        assert AuditLog.objects.filter(name="consent.revoked", target_id=str(subject_id)).count() == 2

    def test_withdraws_only_what_is_named(self):
        subject_id = grant_consent().subject_id
        grant_consent(channel="phone")

        revoke_all(channel="phone")

        assert consent.decide(subject_id=subject_id, now=NOW).allowed
        assert not consent.decide(subject_id=subject_id, channel="phone", now=NOW).allowed

    def test_again_changes_nothing(self):
        grant_consent()
        revoke_all()

        assert revoke_all() == []
        assert ConsentRevision.objects.count() == 2

    def test_a_new_grant_stands_after_a_withdrawal(self):
        grant_consent()
        revoke_all()

        assert consent.decide(subject_id=grant_consent().subject_id, now=NOW).allowed

    def test_refuses_a_stranger_and_a_misspelt_purpose(self):
        with pytest.raises(consent.UnknownSubject):
            revoke_all()
        with pytest.raises(consent.InvalidConsent):
            revoke_all(purpose="outreech")


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_twenty_grants_and_withdrawals_at_once_make_one_gapless_history(self):
        grant_consent()
        start = Barrier(20)

        def work(n):
            try:
                start.wait()
                return grant_consent() if n % 2 else revoke_all()
            finally:
                connection.close()

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(work, range(20)))

        rows = list(ConsentRevision.objects.order_by("number").values_list("number", "status"))
        assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
        assert sum(status == "granted" for _, status in rows) == 11

    def test_the_history_cannot_be_changed(self, connect):
        grant_consent()

        for role in ("default", "owner"):
            for change in (
                "UPDATE consent_revisions SET status = 'granted'",
                "DELETE FROM consent_revisions",
                "TRUNCATE consent_revisions",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connect(role).execute(change)


@pytest.mark.django_db
class TestConsentStandsInTheDatabase:
    def stands(self, statement):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT revctx_consent_stands(%s, 'outreach', 'email', %s)",
                [statement.subject_id, statement.id],
            )
            return cursor.fetchone()[0]

    def test_only_the_newest_grant_in_force_of_a_living_person_stands(self):
        first = grant_consent()
        assert self.stands(first)
        second = grant_consent()
        assert not self.stands(first)
        assert self.stands(second)
        [withdrawn] = revoke_all()
        assert not self.stands(second)
        assert not self.stands(withdrawn)
        third = grant_consent()
        with transaction.atomic():
            erasure.erase(subject_id=third.subject_id, actor=ACTOR, now=NOW)
        assert not self.stands(third)

    def test_an_expired_grant_does_not_stand(self):
        past = NOW.replace(year=2020)

        assert not self.stands(grant_consent(now=past, expires_at=past + timedelta(days=1)))
