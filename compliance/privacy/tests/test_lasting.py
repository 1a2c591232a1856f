"""Objection, opt-out, restriction, the vault, and what holds after a restored backup."""

from datetime import timedelta

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from compliance import consent, subjects, suppressions
from compliance.models import AuditLog, ClusterMark, PrivacyRequest, Subject
from compliance.privacy import decisions, reapplying, requests, restrictions
from compliance.privacy.tests.factories import ADA, make_request, run_due
from compliance.tests.factories import ACTOR, NOW, grant_consent

pytestmark = pytest.mark.django_db
BY = {"actor": ACTOR, "now": NOW}


def state_of(request):
    return PrivacyRequest.objects.get(id=request.id).state


class TestObjection:
    @pytest.mark.parametrize(("kind", "restricted"), [("objection", True), ("opt_out", False)])
    def test_ends_consent_and_suppresses(self, kind, restricted):
        subject_id = grant_consent(email=ADA).subject_id

        request = make_request(kind)
        run_due()

        assert state_of(request) == "complete"
        assert consent.decide(subject_id=subject_id, now=NOW).reason == "suppressed"
        assert suppressions.is_suppressed(email=ADA)
        assert bool(restrictions.list_restricted([subject_id])) is restricted
        assert subjects.ensure_subjects(emails=[ADA], now=NOW) == {}

    def test_somebody_who_objected_can_be_erased(self):
        make_request("objection")
        run_due()

        request = make_request("erasure")
        run_due()

        assert request.subject_id is not None
        assert state_of(request) == "complete"
        assert subjects.find_subject(email=ADA) is None


class TestRestriction:
    def test_stands_until_it_is_lifted(self):
        request = make_request("restriction")
        run_due()
        assert restrictions.list_restricted([request.subject_id]) == {request.subject_id}

        decisions.decide(request_id=request.id, move="lift", code="", **BY)

        assert restrictions.list_restricted([request.subject_id]) == set()
        names = AuditLog.objects.filter(target_id=str(request.subject_id)).values_list("name", flat=True)
        assert {"subject.restricted", "subject.unrestricted"} <= set(names)


class TestVault:
    def test_keeps_the_key_out_of_reach_until_its_date_and_not_without_a_notice(self):
        request = make_request(jurisdiction="IN")
        run_due()

        held = PrivacyRequest.objects.get(id=request.id)
        assert (held.state, held.reason_code) == ("on_hold", "retention_duty")
        assert (held.shred_at - NOW).days in (366, 367)
        assert subjects.find_subject(email=ADA) is None

        run_due(now=held.shred_at + timedelta(days=1))
        assert state_of(request) == "on_hold"

        requests.record_notice(request_id=request.id, actor=ACTOR, now=held.shred_at)
        run_due(now=held.shred_at + timedelta(hours=47))
        assert state_of(request) == "on_hold"
        run_due(now=held.shred_at + timedelta(hours=48))
        assert state_of(request) == "complete"
        with connection.cursor() as cursor:
            cursor.execute("SELECT subject_id FROM privacy_vault")
            assert cursor.fetchall() == []

    @pytest.mark.django_db(transaction=True)
    def test_the_application_cannot_read_it(self, connect):
        make_request(jurisdiction="IN")
        run_due()

        app = connect("default")
        assert app.execute("SELECT count(subject_id) FROM privacy_vault").fetchone() == (1,)
        for statement in (
            "SELECT wrapped_key FROM privacy_vault",
            "UPDATE privacy_vault SET shred_at = now()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)


def restore_a_backup(subject):
    """Bring the person back as a restored backup would: their row as it was, the request unknown."""
    subject.save()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE suppressions SET lifted_at = now()")
        cursor.execute("UPDATE privacy_cluster_mark SET cluster = 'another'")


class TestReapply:
    @pytest.fixture
    def backup(self):
        grant_consent(email=ADA)
        return Subject.objects.get()

    def test_an_erased_person_does_not_come_back_with_a_backup(self, backup):
        request = make_request()
        run_due()
        restore_a_backup(backup)
        assert "reapply_erasures" in reapplying.check_readiness()
        assert subjects.find_subject(email=ADA) == backup.id

        call_command("reapply_erasures", verbosity=0)

        assert subjects.find_subject(email=ADA) is None
        assert suppressions.is_suppressed(email=ADA)
        assert reapplying.check_readiness() is None
        assert AuditLog.objects.get(name="privacy_request.reapplied").target_id == str(request.id)
        assert reapplying.reapply(now=NOW) == 0

    @pytest.mark.parametrize("kind", ["erasure", "objection", "opt_out"])
    def test_an_opt_out_survives_a_backup_from_before_the_person_was_known(self, kind):
        before = transaction.savepoint()
        make_request(kind)
        run_due()
        transaction.savepoint_rollback(before)
        assert not suppressions.is_suppressed(email=ADA)

        assert reapplying.reapply(now=NOW) == 1

        assert suppressions.is_suppressed(email=ADA)
        assert subjects.ensure_subjects(emails=[ADA], now=NOW) == {}
        assert reapplying.reapply(now=NOW) == 0

    def test_a_later_consent_outlives_an_objection_that_the_database_knows(self, backup):
        make_request("objection")
        run_due()
        grant_consent(email=ADA)

        assert reapplying.reapply(now=NOW) == 0

        assert consent.decide(subject_id=backup.id, now=NOW).allowed

    def test_an_empty_journal_does_not_make_the_database_ready(self, journal_folder):
        make_request()
        run_due()
        ClusterMark.objects.update(cluster="another")
        for path in journal_folder.iterdir():
            path.unlink()

        with pytest.raises(CommandError, match="lacks 1"):
            call_command("reapply_erasures", verbosity=0)

        assert reapplying.check_readiness() is not None

    def test_an_altered_entry_is_refused(self, journal_folder):
        make_request()
        run_due()
        [path] = journal_folder.iterdir()
        path.write_text(path.read_text().replace("erasure", "opt_out"))

        with pytest.raises(CommandError, match="signature"):
            call_command("reapply_erasures", verbosity=0)
