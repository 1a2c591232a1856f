"""Persons who are one person on record: what is asked by one is done for all."""

import pytest
from django.db import transaction

from compliance import consent, subject_links, subjects, suppressions
from compliance.models import PrivacyRequest
from compliance.privacy import reapplying, restrictions
from compliance.privacy.tests.factories import ADA, make_request, run_due
from compliance.tests.factories import ACTOR, NOW, grant_consent

pytestmark = pytest.mark.django_db
OTHER = "countess@lovelace.example"
BY = {"actor": ACTOR, "now": NOW}


@pytest.fixture
def two():
    return [grant_consent(email=email).subject_id for email in (ADA, OTHER)]


def link(ids):
    return subject_links.link(subject_id=ids[1], survivor_id=ids[0], **BY)


def test_a_request_of_one_erases_all_and_a_restored_backup_without_the_link_too(two):
    before = transaction.savepoint()
    link(two)
    request = make_request()
    run_due()
    assert PrivacyRequest.objects.get(id=request.id).state == "complete"
    assert subjects.list_erased(two) == set(two)
    assert suppressions.is_suppressed(email=OTHER)

    transaction.savepoint_rollback(before)
    assert subjects.list_erased(two) == set()
    assert reapplying.reapply(now=NOW) == 2

    assert subjects.list_erased(two) == set(two)
    assert suppressions.is_suppressed(email=OTHER)


def test_who_was_split_again_is_erased_alone(two):
    subject_links.unlink(link_id=link(two), **BY)

    make_request()
    run_due()

    assert subjects.list_erased(two) == {two[0]}


@pytest.mark.parametrize("kind", ["objection", "opt_out", "restriction"])
def test_what_one_objects_to_counts_for_the_other(two, kind):
    link(two)

    make_request(kind)
    run_due()

    if kind != "restriction":
        assert not consent.decide(subject_id=two[1], now=NOW).allowed
    if kind != "opt_out":
        assert restrictions.list_restricted([two[1]]) == {two[1]}


def test_links_form_one_group_and_refuse_what_makes_no_sense(two):
    third = grant_consent(email="third@lovelace.example").subject_id
    first = link(two)
    subject_links.link(subject_id=third, survivor_id=two[1], **BY)

    assert {frozenset(group) for group in subject_links.list_groups([*two, third]).values()} == {
        frozenset([*two, third])
    }
    assert subject_links.find_roots([*two, third]) == {two[1]: two[0], third: two[0]}
    for subject_id, survivor_id in ((two[0], third), (two[0], two[0]), (third, two[0])):
        with pytest.raises(subject_links.LinkRefused):
            subject_links.link(subject_id=subject_id, survivor_id=survivor_id, **BY)
    subject_links.unlink(link_id=first, **BY)
    with pytest.raises(subject_links.LinkRefused):
        subject_links.unlink(link_id=first, **BY)
    assert subject_links.list_group(two[0]) == [two[0]]
