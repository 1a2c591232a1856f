"""People at accounts: sealed, opened with an audit row, erased."""

from datetime import timedelta

import pytest

from compliance import erasure, subjects
from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.models import AccountContext, Contact, ScoreBucket
from contexts.services.contacts import ContactNotFound, open_contact
from contexts.services.sweeping import sweep
from contexts.tests.factories import NOW, add_work, make_draft, score_of, score_signals, work
from signals.identifiers import new_signal_id

pytestmark = pytest.mark.django_db

EMAIL = "robin@acme.example"


def contact() -> Contact:
    return Contact.objects.get()


class TestEnsureContacts:
    def test_a_person_becomes_a_contact_once(self):
        score_signals(make_draft(email=EMAIL, title="Head of Sales"), make_draft(email=EMAIL.upper()))
        score_signals(make_draft(email=EMAIL))

        [view] = selectors.list_contacts(selectors.get_account_id("crm-1"))
        assert view.subject_id == subjects.find_subject(email=EMAIL)
        assert len(list_audit_events(name="subject.opened")) == 1

    def test_the_title_becomes_a_class(self):
        score_signals(make_draft(email=EMAIL, title="Head of Sales"))

        assert contact().title_class == "director"

    def test_name_and_title_lie_sealed(self):
        score_signals(make_draft(email=EMAIL, title="Head of Sales"))

        assert b"Robin" not in bytes(contact().sealed)
        assert b"Head" not in bytes(contact().sealed)


class TestOpenContact:
    def test_returns_name_and_title_and_is_audited(self):
        score_signals(make_draft(email=EMAIL, title="Head of Sales"))

        assert open_contact(contact_id=contact().id, actor="user:7", now=NOW) == (
            "Robin Vale",
            "Head of Sales",
        )
        assert list_audit_events(name="subject.opened", actor="user:7").count() == 1

    def test_an_unknown_contact_is_an_error(self):
        with pytest.raises(ContactNotFound):
            open_contact(contact_id=new_signal_id(received_at=NOW), actor="user:7", now=NOW)


class TestErasure:
    def erase(self) -> None:
        erasure.erase(subject_id=subjects.find_subject(email=EMAIL), actor="user:1", now=NOW)

    def test_the_persons_evidence_is_gone_at_once_for_all_times(self):
        score_signals(
            make_draft("demo_requested", email=EMAIL, ago=timedelta(days=2)),
            make_draft("page_view", ago=timedelta(days=2)),
        )
        score_of()  # a hot copy must not outlive the person
        contact_id = contact().id

        self.erase()

        for as_of in (NOW, NOW - timedelta(days=1)):
            assert [(c.type, c.subject_id) for c in score_of(as_of=as_of).contributions] == [
                ("page_view", None)
            ]
        assert not ScoreBucket.objects.filter(subject_id__isnull=False).exists()
        assert open_contact(contact_id=contact_id, actor="user:1", now=NOW) == ("", "")
        assert [
            entry.subject_id for entry in selectors.get_timeline(selectors.get_account_id("crm-1"), 9)
        ] == [None]

    def test_the_stored_score_follows_with_the_next_sweep(self):
        score_signals(make_draft("demo_requested", email=EMAIL))

        self.erase()
        sweep(now=NOW + timedelta(seconds=1))

        context = AccountContext.objects.get()
        assert (context.intent_score, context.band) == (0, "cold")

    def test_a_redelivered_signal_of_the_person_brings_nothing_back(self):
        signal_ids = score_signals(make_draft("demo_requested", email=EMAIL))
        self.erase()

        add_work(signal_ids)
        work()

        assert score_of().intent == 0
        assert not ScoreBucket.objects.exists()
