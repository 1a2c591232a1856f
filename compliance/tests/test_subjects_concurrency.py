from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import connection, transaction

from compliance import erasure, subjects
from compliance.models import Subject
from compliance.tests.factories import ACTOR, NOW


def make_subject(email="ada@northwind.example"):
    return subjects.ensure_subjects(emails=[email], now=NOW)[email]


def in_thread(work):
    """Run work on a connection of the thread's own."""
    try:
        return work()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_fifty_at_once_make_one_person(self):
        start = Barrier(50)

        def ensure(n):
            def work():
                start.wait()
                return make_subject("ADA@northwind.example" if n % 2 else "ada@northwind.example")

            return in_thread(work)

        with ThreadPoolExecutor(50) as pool:
            found = set(pool.map(ensure, range(50)))

        assert len(found) == 1
        assert Subject.objects.count() == 1

    def test_batches_in_opposite_order_do_not_block_each_other(self):
        emails = [f"p{n}@northwind.example" for n in range(200)]
        start = Barrier(4)

        def ensure(n):
            def work():
                start.wait()
                return subjects.ensure_subjects(emails=emails if n % 2 else emails[::-1], now=NOW)

            return in_thread(work)

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(ensure, range(4)))

        assert Subject.objects.count() == 200
        assert all(result == results[0] for result in results)

    def test_an_erasure_waits_for_a_writer_that_holds_the_key(self):
        subject_id = make_subject()
        erased = Event()

        def erase():
            erasure.erase(subject_id=subject_id, actor=ACTOR, now=NOW)
            erased.set()

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                subjects.seal(items=[(subject_id, b"x", b"row")], now=NOW)
                pool.submit(in_thread, erase)
                assert not erased.wait(0.5)
            assert erased.wait(5)

    def test_who_ensured_a_person_can_lock_them_while_another_does_the_same(self):
        make_subject()
        start = Barrier(8)

        def work():
            with transaction.atomic():
                subject_id = make_subject()
                start.wait()
                return subjects.lock_subject(subject_id)

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda _: in_thread(work), range(8))) == [True] * 8
