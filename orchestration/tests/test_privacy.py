"""What a person's requests do to scores, drafts and letters."""

import pytest

from compliance import subjects
from compliance.privacy import registry, restrictions
from contexts import selectors
from contexts.selectors import list_contacts
from contexts.services.contacts import open_contact
from orchestration.services import proposal
from orchestration.tests.stories import heat, utc_now

pytestmark = pytest.mark.django_db


def restrict(story):
    subject_id = subjects.find_subject(email=story.email)
    restrictions.restrict(subject_id=subject_id, reason="restriction", actor="user:1", now=utc_now())
    return subject_id


def test_a_restricted_person_is_neither_scored_nor_drafted_to():
    story = heat()
    before = selectors.get_score(account_id=story.account_id, as_of=utc_now())
    assert (story.action.state, before.intent > 70) == ("pending", True)

    subject_id = restrict(story)

    assert (story.action.state, story.action.reason_code) == ("cancelled", "restricted")
    assert selectors.get_score(account_id=story.account_id, as_of=utc_now()).intent == 0
    plan = proposal.make_plan(account_id=story.account_id, now=utc_now())
    assert plan.contact is None

    restrictions.lift(subject_id=subject_id, actor="user:1", now=utc_now())
    assert selectors.get_score(account_id=story.account_id, as_of=utc_now()).intent > 70


def test_an_objection_cancels_what_is_pending():
    story = heat()
    subject_id = subjects.find_subject(email=story.email)

    for name in sorted(registry.stoppers):
        registry.stoppers[name](subject_id, "objected", utc_now())

    assert (story.action.state, story.action.reason_code) == ("cancelled", "objected")


def test_an_export_holds_signals_contacts_evidence_and_letters():
    story = heat()
    subject_id = subjects.find_subject(email=story.email)

    found = {name: fn(subject_id, "user:1", utc_now()) for name, fn in registry.exporters.items()}

    assert {signal["name"] for signal in found["signals"]} == {"Dana Reyes"}
    assert found["contexts"]["contacts"][0]["title"] == "Head of Operations"
    assert len(found["contexts"]["evidence"]) == len(found["signals"])
    [action] = found["actions"]
    assert (action["action_id"], "salt" in action["text"]) == (story.action.id, False)
    assert found["consent"][0]["status"] == "granted"


def test_a_rectification_puts_the_name_right():
    story = heat()
    subject_id = subjects.find_subject(email=story.email)

    registry.correctors["contexts"](subject_id, {"name": "Dana Smith"}, utc_now())

    [contact] = list_contacts(story.account_id)
    opened = open_contact(contact_id=contact.id, actor="user:1", now=utc_now())
    assert opened == ("Dana Smith", "Head of Operations")
