from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from compliance import erasure, keys, subjects
from compliance.models import AuditLog, MonthKey, Subject
from compliance.tests.factories import ACTOR, NOW

READER = {"actor": ACTOR, "purpose": "test", "now": NOW}


def make_subject(email="ada@northwind.example") -> UUID:
    return subjects.ensure_subjects(emails=[email], now=NOW)[email]


@pytest.mark.django_db
class TestEnsureSubjects:
    def test_one_person_for_all_spellings_keyed_as_given(self):
        spellings = ["Ada@Bücher.example", "ada@xn--bcher-kva.example", "ADA@BU\u0308CHER。example "]

        found = subjects.ensure_subjects(emails=spellings, now=NOW)

        assert list(found) == spellings
        assert len(set(found.values())) == 1
        assert subjects.ensure_subjects(emails=spellings[:1], now=NOW)[spellings[0]] == found[spellings[0]]

    def test_nothing_readable_is_stored(self):
        subject_id = make_subject("ada@northwind.example")

        row = Subject.objects.get(id=subject_id)

        stored = b"".join(map(bytes, (row.address_hash, row.wrapped_key, row.sealed_address)))
        assert b"ada" not in stored
        assert b"northwind" not in stored

    def test_another_hash_key_does_not_find_the_person(self, settings):
        make_subject()

        settings.SUBJECT_HASH_KEY = b"\x02" * 32

        assert subjects.find_subject(email="ada@northwind.example") is None

    def test_takes_as_many_queries_for_a_thousand_as_for_two(self, django_assert_max_num_queries):
        emails = [f"p{n}@northwind.example" for n in range(1000)]
        make_subject(emails[0])

        with django_assert_max_num_queries(8):
            found = subjects.ensure_subjects(emails=emails, now=NOW)

        assert len(set(found.values())) == 1000

    def test_refuses_the_batch_for_one_bad_address_and_creates_nobody(self):
        with pytest.raises(subjects.InvalidEmail):
            subjects.ensure_subjects(emails=["ada@northwind.example", "nobody"], now=NOW)

        assert subjects.find_subject(email="ada@northwind.example") is None

    def test_nobody_for_no_address(self):
        assert subjects.ensure_subjects(emails=[], now=NOW) == {}


@pytest.mark.django_db
class TestSealAndOpen:
    def test_gives_back_what_was_sealed_in_order(self):
        ada, bo = make_subject("ada@northwind.example"), make_subject("bo@northwind.example")
        rows = [(ada, b"one", b"r1"), (None, b"two", b"r2"), (bo, b"", b"r3")]

        sealed = subjects.seal(items=rows, now=NOW)
        opened = subjects.open_sealed(
            items=[(s, value, a) for (s, _, a), value in zip(rows, sealed, strict=True)], **READER
        )

        assert opened == [b"one", b"two", b""]
        assert b"one" not in sealed[0]

    def test_the_same_text_never_looks_the_same_twice(self):
        ada = make_subject()

        one, other = subjects.seal(items=[(ada, b"text", b"row"), (ada, b"text", b"row")], now=NOW)

        assert one != other

    @pytest.mark.parametrize("owner", ["person", "month"])
    def test_other_associated_data_does_not_open(self, owner):
        subject_id = make_subject() if owner == "person" else None
        [sealed] = subjects.seal(items=[(subject_id, b"text", b"row 1")], now=NOW)

        with pytest.raises(subjects.SealBroken):
            subjects.open_sealed(items=[(subject_id, sealed, b"row 2")], **READER)

    @pytest.mark.parametrize("owner", ["person", "month"])
    def test_a_changed_byte_anywhere_does_not_open(self, owner):
        subject_id = make_subject() if owner == "person" else None
        [sealed] = subjects.seal(items=[(subject_id, b"text", b"row")], now=NOW)

        for position in range(len(sealed)):
            altered = bytearray(sealed)
            altered[position] ^= 1
            try:
                opened = subjects.open_sealed(items=[(subject_id, bytes(altered), b"row")], **READER)
            except subjects.SealBroken:
                continue
            # The altered month is one that has no key.
            assert opened == [None]

    @pytest.mark.parametrize(
        "sealed", [b"", b"\x01", b"\x01\x00\x00\x00", b"\x01\x00\x00\x00short", b"\x09" * 60]
    )
    def test_garbage_does_not_open(self, sealed):
        with pytest.raises(subjects.SealBroken):
            subjects.open_sealed(items=[(make_subject(), sealed, b"row")], **READER)

    def test_a_value_moved_to_another_person_does_not_open(self):
        ada, bo = make_subject("ada@northwind.example"), make_subject("bo@northwind.example")
        [of_ada, of_month] = subjects.seal(items=[(ada, b"text", b"row"), (None, b"text", b"row")], now=NOW)

        for subject_id, sealed in [(bo, of_ada), (None, of_ada), (ada, of_month)]:
            with pytest.raises(subjects.SealBroken):
                subjects.open_sealed(items=[(subject_id, sealed, b"row")], **READER)

    def test_keys_swapped_between_two_persons_do_not_open(self):
        ada, bo = make_subject("ada@northwind.example"), make_subject("bo@northwind.example")
        [sealed] = subjects.seal(items=[(ada, b"text", b"row")], now=NOW)

        Subject.objects.filter(id=bo).update(wrapped_key=Subject.objects.get(id=ada).wrapped_key)

        with pytest.raises(subjects.SealBroken):
            subjects.open_sealed(items=[(bo, sealed, b"row")], **READER)

    def test_another_key_encryption_key_is_named_instead_of_guessed(self, settings):
        [sealed] = subjects.seal(items=[(make_subject(), b"text", b"row")], now=NOW)
        subject_id = make_subject()

        settings.SUBJECT_KEK = b"\x01" * 32

        with pytest.raises(keys.WrappingKeyMissing):
            subjects.open_sealed(items=[(subject_id, sealed, b"row")], **READER)

    def test_a_month_s_key_opens_in_later_months_and_dies_alone(self):
        later = NOW + timedelta(days=40)
        [june] = subjects.seal(items=[(None, b"june", b"row")], now=NOW)
        [july] = subjects.seal(items=[(None, b"july", b"row")], now=later)
        assert MonthKey.objects.count() == 2

        MonthKey.objects.filter(month="2026-06-01").update(wrapped_key=None)

        opened = subjects.open_sealed(items=[(None, june, b"row"), (None, july, b"row")], **READER)
        assert opened == [None, b"july"]

    def test_sealing_for_somebody_unknown_is_refused(self):
        stranger = uuid4()

        with pytest.raises(subjects.SubjectErased) as refusal:
            subjects.seal(items=[(make_subject(), b"x", b"a"), (stranger, b"y", b"b")], now=NOW)

        assert refusal.value.subject_ids == {stranger}

    def test_a_thousand_rows_take_two_queries(self, django_assert_num_queries):
        ada = make_subject()
        subjects.seal(items=[(None, b"", b"")], now=NOW)

        with django_assert_num_queries(2):
            subjects.seal(items=[(ada if n % 2 else None, b"x", b"a") for n in range(1000)], now=NOW)

    def test_opening_is_audited_once_a_call_without_anything_personal(self):
        ada, bo = make_subject("ada@northwind.example"), make_subject("bo@northwind.example")
        sealed = subjects.seal(items=[(ada, b"secret", b"r"), (bo, b"secret", b"r")], now=NOW)

        subjects.open_sealed(
            items=[(ada, sealed[0], b"r"), (bo, sealed[1], b"r")], actor="user:9", purpose="approval", now=NOW
        )

        [row] = AuditLog.objects.filter(name="subject.opened")
        assert (row.actor, row.payload["purpose"], row.payload["values"]) == ("user:9", "approval", 2)
        assert set(row.payload["subject_ids"].split()) == {str(ada), str(bo)}
        assert "secret" not in str(row.payload)

    def test_bulk_opening_names_every_person(self):
        emails = [f"p{n}@northwind.example" for n in range(250)]
        ids = set(subjects.ensure_subjects(emails=emails, now=NOW).values())

        addresses = subjects.get_address(subject_ids=ids, **READER)

        assert set(addresses.values()) == set(emails)
        rows = AuditLog.objects.filter(name="subject.opened")
        assert len(rows) == 3
        assert {i for row in rows for i in row.payload["subject_ids"].split()} == {str(i) for i in ids}


@pytest.mark.django_db
class TestGetAddress:
    def test_returns_the_address_as_first_given_and_audits(self):
        subject_id = make_subject(" Ada.L@Northwind.example ")

        assert subjects.get_address(subject_ids=[subject_id, uuid4()], **READER) == {
            subject_id: "Ada.L@Northwind.example"
        }
        assert AuditLog.objects.filter(name="subject.opened", target_id=str(subject_id)).count() == 1


@pytest.mark.django_db
class TestFingerprint:
    def test_is_equal_for_equal_content_of_one_person_only(self):
        ada, bo = make_subject("ada@northwind.example"), make_subject("bo@northwind.example")

        one, same, other, of_bo, of_month = subjects.fingerprint(
            items=[(ada, b"x"), (ada, b"x"), (ada, b"y"), (bo, b"x"), (None, b"x")], now=NOW
        )

        assert one == same
        assert len({one, other, of_bo, of_month}) == 4
        assert {len(f) for f in (one, other, of_bo, of_month)} == {36}

    def test_matches_across_the_turn_of_the_month(self):
        stored = subjects.fingerprint(
            items=[(None, b"x"), (None, b"x")], now=datetime(2026, 11, 30, 23, tzinfo=UTC)
        )

        assert subjects.matches_fingerprint(items=[(None, b"x", stored[0]), (None, b"y", stored[1])]) == [
            True,
            False,
        ]

    def test_matches_nothing_once_the_key_is_gone(self):
        ada = make_subject()
        [stored] = subjects.fingerprint(items=[(ada, b"x")], now=NOW)

        erasure.erase(subject_id=ada, actor=ACTOR, now=NOW)

        assert subjects.matches_fingerprint(items=[(ada, b"x", stored)]) == [False]


@pytest.mark.django_db
class TestLockSubject:
    def test_says_whether_the_person_is_still_there(self):
        subject_id = make_subject()

        assert subjects.lock_subject(subject_id) is True
        erasure.erase(subject_id=subject_id, actor=ACTOR, now=NOW)
        assert subjects.lock_subject(subject_id) is False

    def test_refuses_a_stranger(self):
        with pytest.raises(subjects.UnknownSubject):
            subjects.lock_subject(uuid4())
