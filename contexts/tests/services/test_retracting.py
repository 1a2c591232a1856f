"""Signals that are taken back leave everything as if they had never come."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.models import AccountContext, LedgerEntry, Retraction, ScoreBucket
from contexts.services.replay_accounts import rebuild_accounts
from contexts.services.retracting import UnknownSignal, retract_signals
from contexts.services.rollouts import activate_configs
from contexts.tests.factories import NOW, add_work, make_draft, score_of, score_signals, work
from contexts.tests.services.test_configs import store_slower

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=1)
FIELDS = ("account_id", "decay_id", "type", "stage", "subject_id", "bucket", "mass", "latest_at")


def buckets() -> list[tuple[object, ...]]:
    return sorted(ScoreBucket.objects.values_list(*FIELDS), key=str)


def retract(*signal_ids, now=LATER) -> int:
    return retract_signals(signal_ids=signal_ids, reason="mistaken", actor="user:1", now=now)


def visits(count: int, *, ago: timedelta = timedelta(0)):
    return [
        make_draft("page_view", email="a@acme.example", ago=ago + timedelta(hours=n)) for n in range(count)
    ]


class TestRetractSignals:
    def test_restores_evidence_and_score_exactly(self):
        score_signals(*visits(20, ago=timedelta(hours=1)), make_draft("job_posting", ago=timedelta(days=3)))
        before, score = buckets(), score_of()
        wrong = score_signals(
            *visits(3), make_draft("opportunity_lost"), make_draft("demo_requested", email="b@acme.example")
        )
        assert buckets() != before

        assert retract(*wrong) == 5

        after = score_of()
        assert buckets() == before
        assert (after.intent, after.contributions) == (score.intent, score.contributions)
        assert AccountContext.objects.get().intent_score == pytest.approx(score.intent, abs=0.1)
        assert [entry.payload for entry in list_audit_events(name="evidence.retracted")] == 5 * [
            {"reason": "mistaken"}
        ]

    def test_nothing_brings_it_back(self):
        [signal_id, _] = score_signals(make_draft("demo_requested"), make_draft("page_view"))
        retract(signal_id)
        before, intent = buckets(), score_of().intent

        add_work([signal_id])
        work()
        rebuild_accounts(account_ids=[AccountContext.objects.get().account_id], now=LATER)
        assert buckets() == before
        activate_configs(decay_version=store_slower()[0], weight_version=1, actor="user:1", now=LATER)
        activate_configs(decay_version=1, weight_version=1, actor="user:1", now=LATER)

        assert score_of().intent == intent
        assert {row.type for row in ScoreBucket.objects.all()} == {"page_view"}
        assert LedgerEntry.every.filter(signal_id=signal_id).count() == 2
        assert not LedgerEntry.objects.filter(signal_id=signal_id).exists()
        assert retract(signal_id) == 0

    def test_what_was_known_before_stays(self):
        [signal_id] = score_signals(make_draft("demo_requested"))
        intent = score_of().intent
        retract(signal_id)
        account_id = selectors.get_account_id("crm-1")

        then = selectors.get_score(account_id=account_id, as_of=NOW, known_at=NOW)
        now = selectors.get_score(account_id=account_id, as_of=NOW, known_at=LATER)

        assert (then.intent, now.intent, score_of().intent) == (intent, 0.0, 0.0)
        assert selectors.get_timeline(account_id) == []

    def test_is_kept(self):
        retract(*score_signals(make_draft("demo_requested")))

        with pytest.raises(DatabaseError), transaction.atomic():
            Retraction.objects.update(reason="test_data")

    def test_an_id_that_no_signal_has_is_refused(self, admin_client):
        [signal_id] = score_signals(make_draft("demo_requested"))
        page, typed = "/admin/contexts/retraction/add/", {"reason": "mistaken"}

        refused = admin_client.post(page, typed | {"signal_id": uuid4()})

        assert "No signal has this id." in refused.content.decode()
        with pytest.raises(UnknownSignal):
            retract(signal_id, uuid4())
        assert not Retraction.objects.exists()
        assert admin_client.post(page, typed | {"signal_id": signal_id}).status_code == 302
        assert Retraction.objects.get().signal_id == signal_id
