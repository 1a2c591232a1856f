from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection

from compliance import erasure, subjects, suppressions
from compliance.models import AuditLog, Subject, Suppression
from compliance.tests.factories import ACTOR, NOW, grant_consent
from revctx.eventbus.models import OutboxEvent

ADA = "ada@northwind.example"
READER = {"actor": ACTOR, "purpose": "test", "now": NOW}


def ensure(*emails):
    return subjects.ensure_subjects(emails=emails, now=NOW)


def erase(subject_id):
    return erasure.erase(subject_id=subject_id, actor=ACTOR, now=NOW)


@pytest.fixture
def forgotten():
    """Register an eraser that remembers whom it forgot."""
    ids = []
    erasure.register_eraser("test", ids.append)
    yield ids
    erasure._erasers.pop("test")


@pytest.mark.django_db
class TestErase:
    def test_everything_sealed_for_the_person_is_unreadable(self, forgotten):
        subject_id = ensure(ADA)[ADA]
        [sealed] = subjects.seal(items=[(subject_id, b"text", b"row")], now=NOW)

        assert erase(subject_id) is True

        assert subjects.open_sealed(items=[(subject_id, sealed, b"row")], **READER) == [None]
        assert subjects.get_address(subject_ids=[subject_id], **READER) == {}
        assert subjects.find_subject(email=ADA) is None
        assert subjects.list_erased([subject_id, uuid4()]) == {subject_id}
        row = Subject.objects.get(id=subject_id)
        assert (row.address_hash, row.wrapped_key, row.sealed_address, row.erased_at) == (
            None,
            None,
            None,
            NOW,
        )
        assert forgotten == [subject_id]

    def test_nothing_can_be_written_for_the_erased(self):
        subject_id = ensure(ADA)[ADA]
        erase(subject_id)

        with pytest.raises(subjects.SubjectErased):
            subjects.seal(items=[(subject_id, b"text", b"row")], now=NOW)

    def test_is_audited_and_told_with_ids_only(self):
        subject_id = ensure(ADA)[ADA]

        erase(subject_id)

        [row] = AuditLog.objects.filter(name="subject.erased")
        assert (row.target_id, row.actor) == (str(subject_id), ACTOR)
        [event] = OutboxEvent.objects.filter(type="subject.erased")
        assert (event.key, event.data) == (str(subject_id), {"subject_id": str(subject_id)})

    def test_again_changes_nothing(self, forgotten):
        subject_id = ensure(ADA)[ADA]
        erase(subject_id)

        assert erase(subject_id) is False

        assert forgotten == [subject_id]
        assert AuditLog.objects.filter(name="subject.erased").count() == 1

    def test_refuses_a_stranger(self):
        with pytest.raises(subjects.UnknownSubject):
            erase(uuid4())

    def test_an_eraser_that_fails_undoes_all(self):
        def fail(subject_id):
            raise RuntimeError("the cellar is flooded")

        subject_id = ensure(ADA)[ADA]
        erasure.register_eraser("failing", fail)
        try:
            with pytest.raises(RuntimeError, match="flooded"):
                erase(subject_id)
        finally:
            erasure._erasers.pop("failing")

        assert subjects.find_subject(email=ADA) == subject_id
        assert not Suppression.objects.exists()

    def test_names_of_erasers_are_taken_once(self):
        erasure.register_eraser("once", print)
        try:
            erasure.register_eraser("once", print)
            with pytest.raises(ValueError, match="once"):
                erasure.register_eraser("once", repr)
        finally:
            erasure._erasers.pop("once")


@pytest.mark.django_db
class TestSuppression:
    @pytest.mark.parametrize(
        "spelling", ["ADA@Bücher.example", "ada@xn--bcher-kva.example", "ada@bu\u0308cher.example"]
    )
    def test_no_spelling_of_the_address_is_taken_up_again(self, spelling):
        erase(ensure("ada@bücher.example")["ada@bücher.example"])

        found = ensure(spelling, "bo@northwind.example")

        assert list(found) == ["bo@northwind.example"]
        assert suppressions.is_suppressed(email=spelling)
        assert Subject.objects.filter(erased_at=None).count() == 1

    def test_holds_nothing_but_a_hash_under_another_key(self):
        subject_id = ensure(ADA)[ADA]
        digest = bytes(Subject.objects.get(id=subject_id).address_hash)

        erase(subject_id)

        row = Suppression.objects.get()
        assert len(bytes(row.address_hash)) == 32
        assert bytes(row.address_hash) != digest
        assert str(subject_id) not in str(row.__dict__)

    def test_a_new_consent_lifts_it_and_makes_a_new_person(self):
        old = ensure(ADA)[ADA]
        erase(old)

        new = grant_consent(email=ADA).subject_id

        assert new != old
        assert ensure(ADA) == {ADA: new}
        assert not suppressions.is_suppressed(email=ADA)
        assert AuditLog.objects.filter(name="suppression.lifted").count() == 1
        assert subjects.list_erased([old, new]) == {old}

    def test_the_new_person_can_be_erased_like_the_old(self):
        erase(ensure(ADA)[ADA])

        assert erase(grant_consent(email=ADA).subject_id) is True

        assert ensure(ADA) == {}
        assert Suppression.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_address_erased_while_others_write_does_not_come_back():
    for n in range(5):
        email = f"p{n}@northwind.example"
        subject_id = ensure(email)[email]
        start = Barrier(9)

        def write(email=email, start=start):
            try:
                start.wait()
                return ensure(email).get(email)
            finally:
                connection.close()

        def wipe(subject_id=subject_id, start=start):
            try:
                start.wait()
                return erase(subject_id)
            finally:
                connection.close()

        with ThreadPoolExecutor(9) as pool:
            writers = [pool.submit(write) for _ in range(8)]
            assert pool.submit(wipe).result() is True
            seen = {writer.result() for writer in writers}

        assert seen <= {subject_id, None}
        assert ensure(email) == {}
