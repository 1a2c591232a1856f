from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from compliance import erasure, key_rotation, keys, subjects
from compliance.models import AuditLog, MonthKey, Subject
from compliance.tests.factories import ACTOR, NOW, grant_consent

OLD, NEW = b"\x01" * 32, b"\x02" * 32


@pytest.fixture(autouse=True)
def _old_key(settings):
    settings.SUBJECT_KEK, settings.SUBJECT_KEK_PREVIOUS = OLD, []


@pytest.fixture
def people(db):
    return [grant_consent(email=f"p{n}@northwind.example").subject_id for n in range(5)]


def replace_key(settings, previous=(OLD,)):
    settings.SUBJECT_KEK, settings.SUBJECT_KEK_PREVIOUS = NEW, list(previous)


def rotate(**options):
    out = StringIO()
    call_command("rotate_subject_keys", stdout=out, **options)
    return out.getvalue()


def read(subject_ids):
    found = subjects.get_address(subject_ids=subject_ids, actor=ACTOR, purpose="test", now=NOW)
    return sorted(found.values())


@pytest.mark.django_db
class TestRotation:
    def test_after_it_the_old_key_is_needed_no_more(self, settings, people):
        [sealed] = subjects.seal(items=[(None, b"of a month", b"row")], now=NOW)
        before = read(people)
        replace_key(settings)
        assert read(people) == before  # readable while both keys are there

        assert rotate(chunk=2) == "6 keys rewrapped, 0 left.\n"

        replace_key(settings, previous=())
        assert read(people) == before
        opened = subjects.open_sealed(items=[(None, sealed, b"row")], actor=ACTOR, purpose="test", now=NOW)
        assert opened == [b"of a month"]
        assert {row.wrapping_key_id for row in [*Subject.objects.all(), *MonthKey.objects.all()]} == {
            keys.get_wrapping_key_id()
        }

    def test_goes_on_where_it_was_stopped(self, settings, people):
        replace_key(settings)
        stopped = key_rotation.rotate_subjects(after=None, limit=2, now=NOW)

        assert (stopped.rotated, key_rotation.count_behind()) == (2, 3)
        assert rotate(chunk=2) == "3 keys rewrapped, 0 left.\n"
        assert rotate() == "0 keys rewrapped, 0 left.\n"

    def test_writes_one_audit_row_a_chunk(self, settings, people):
        replace_key(settings)
        rotate(chunk=3)

        rows = AuditLog.objects.filter(name="subject_keys.rotated").order_by("id")
        assert [row.payload["count"] for row in rows] == [3, 2]

    def test_leaves_the_erased_alone_and_new_people_are_under_the_new_key(self, settings, people):
        erasure.erase(subject_id=people[0], actor=ACTOR, now=NOW)
        replace_key(settings)
        grant_consent(email="new@northwind.example", now=NOW + timedelta(days=1))

        assert rotate() == "4 keys rewrapped, 0 left.\n"
        assert Subject.objects.get(pk=people[0]).wrapped_key is None

    def test_without_the_former_key_it_says_which_is_missing_and_changes_nothing(self, settings, people):
        former = keys.get_wrapping_key_id()
        replace_key(settings, previous=())

        with pytest.raises(CommandError, match=former):
            rotate()
        assert set(Subject.objects.values_list("wrapping_key_id", flat=True)) == {former}

    def test_a_key_moved_to_another_person_is_not_rewrapped(self, settings, people):
        replace_key(settings)
        foreign = Subject.objects.get(pk=people[1]).wrapped_key
        Subject.objects.filter(pk=people[0]).update(wrapped_key=foreign)

        with pytest.raises(keys.SealBroken):
            key_rotation.rotate_subjects(after=None, limit=10, now=NOW)
