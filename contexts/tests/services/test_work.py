"""From work items to scores, on a real database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.models import AccountContext, Crossing, LedgerEntry, ScoreBucket
from contexts.tasks import process_work
from contexts.tests.factories import NOW, add_work, ingest, make_draft, score_of, score_signals, work
from revctx.eventbus.models import OutboxEvent
from signals.contracts import SignalDraft

pytestmark = pytest.mark.django_db

DEMO = {"attributes": {"stage": "demo_scheduled"}, "source": "salesforce"}


def published() -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(type="context.updated").order_by("id"))


class TestDefaults:
    def test_a_lone_page_view_is_far_from_hot(self):
        score_signals(make_draft("page_view"))

        assert 0 < score_of().intent < 10

    def test_a_lone_stage_change_is_warm(self):
        score_signals(make_draft("opportunity_stage_changed", **DEMO))

        assert 35 < score_of().intent < 70
        assert score_of().band == "warm"

    def test_a_stage_change_and_a_few_visits_of_a_person_are_hot(self):
        score_signals(
            make_draft("opportunity_stage_changed", **DEMO),
            make_draft("pricing_page_view", email="a@acme.example", ago=timedelta(hours=3)),
            make_draft("pricing_page_view", email="a@acme.example", ago=timedelta(days=1)),
            make_draft("demo_requested", email="a@acme.example", ago=timedelta(hours=1)),
        )

        assert score_of().band == "hot"
        assert score_of().intent > 72

    def test_seeded_history_is_warm_and_the_webhook_makes_it_hot(self):
        score_signals(
            make_draft("page_view", ago=timedelta(days=9)),
            make_draft("content_download", ago=timedelta(days=6.5), email="a@acme.example"),
            make_draft("pricing_page_view", ago=timedelta(days=2.2), email="a@acme.example"),
            make_draft("pricing_page_view", ago=timedelta(days=1.1)),
        )
        before = score_of()

        later = NOW + timedelta(days=1)
        score_signals(make_draft("opportunity_stage_changed", **DEMO | {"occurred_at": later}), now=later)

        assert (before.band, score_of(as_of=later).band) == ("warm", "hot")
        assert score_of(as_of=later).intent > 71


class TestApplySignals:
    def test_scores_an_account_once_and_tells_it(self):
        [signal_id] = score_signals(
            make_draft("demo_requested", email="a@acme.example"), request_id="trace-7"
        )

        context = AccountContext.objects.get()
        [event] = published()
        assert context.version == 1
        assert context.intent_score == pytest.approx(score_of().intent)
        assert event.request_id == "trace-7"
        assert event.key == str(context.account_id)
        assert event.data == {
            "account_id": str(context.account_id),
            "version": 1,
            "old_band": "cold",
            "new_band": "warm",
            "intent": context.intent_score,
            "crossing_id": None,
            "direction": None,
        }
        [contribution] = score_of().contributions
        assert contribution.signal_ids == (signal_id,)
        assert contribution.points == context.intent_score

    @pytest.mark.parametrize(("email", "most"), [(None, 17), ("a@acme{}.example", 20)])
    def test_a_chunk_of_known_accounts_costs_few_statements(self, email, most, django_assert_max_num_queries):
        def ten() -> list[SignalDraft]:
            return [make_draft(crm_id=f"crm-{n}", email=email and email.format(n)) for n in range(10)]

        score_signals(*ten())
        ingest(ten())

        with django_assert_max_num_queries(most):
            assert process_work() == 10

    def test_the_same_signal_again_changes_nothing(self):
        signal_ids = score_signals(make_draft("demo_requested"), make_draft("page_view"))
        before = list(ScoreBucket.objects.order_by("id").values()), AccountContext.objects.get().version

        add_work(signal_ids)
        done = work()

        assert done == 2
        assert (
            list(ScoreBucket.objects.order_by("id").values()),
            AccountContext.objects.get().version,
        ) == before
        assert len(published()) == 1

    def test_a_crossing_is_told_with_direction_and_id(self):
        score_signals(
            *[
                make_draft(kind)
                for kind in ("demo_requested", "meeting_booked", "trial_started", "email_reply")
            ]
        )

        crossing = Crossing.objects.get()
        event = published()[-1]
        assert (crossing.direction, crossing.threshold) == ("up", 70)
        assert event.data["crossing_id"] == str(crossing.id)
        assert (event.data["new_band"], event.data["direction"]) == ("hot", "up")
        assert crossing.version == event.data["version"]

    def test_a_small_move_is_not_published_but_raises_the_version(self):
        score_signals(make_draft("demo_requested"))
        score_signals(make_draft("page_view", strength=0.1))

        assert AccountContext.objects.get().version == 2
        assert len(published()) == 1

    def test_each_published_change_is_audited_with_its_request_id(self):
        score_signals(make_draft("demo_requested"), request_id="trace-9")

        [entry] = list_audit_events(name="context.updated")
        assert entry.request_id == "trace-9"
        assert entry.payload["new_band"] == "warm"

    def test_negative_evidence_damps_until_lifted(self):
        score_signals(make_draft("demo_requested", ago=timedelta(hours=5)))
        high = score_of().intent
        score_signals(make_draft("opportunity_lost", ago=timedelta(hours=4)))
        low = score_of()
        score_signals(make_draft("email_reply", ago=timedelta(hours=1)))

        assert low.intent == pytest.approx(0.4 * high, abs=1e-5)
        assert low.damped_by == ("opportunity_lost",)
        assert score_of().damping == 1.0

    def test_an_unmapped_stage_scores_at_the_low_default(self):
        score_signals(make_draft("opportunity_stage_changed", attributes={"stage": "Vibes"}, crm_id="a"))
        score_signals(make_draft("opportunity_stage_changed", **DEMO, crm_id="b"))

        assert 0 < score_of("a").intent < 0.5 * score_of("b").intent

    def test_any_batching_leaves_the_same_bits(self):
        kinds = ["page_view", "demo_requested", "pricing_page_view", "content_download", "opportunity_lost"]
        drafts = [
            make_draft(
                kinds[n % 5], ago=timedelta(hours=7 * n), email=f"p{n % 3}@acme.example" if n % 2 else None
            )
            for n in range(40)
        ]
        ids = ingest(drafts)
        work(limit=500)
        at_once = sorted(
            ScoreBucket.objects.values_list("type", "stage", "subject_id", "bucket", "mass", "latest_at"),
            key=str,
        )
        score_at_once = score_of()

        ScoreBucket.objects.all().delete()
        others = [
            replace(draft, external_id=f"other-{draft.external_id}", account={"crm_id": "crm-2"})
            for draft in reversed(drafts)
        ]
        ingest(others)
        work(limit=3)
        piecewise = sorted(
            ScoreBucket.objects.values_list("type", "stage", "subject_id", "bucket", "mass", "latest_at"),
            key=str,
        )

        assert len(ids) == 40
        assert piecewise == at_once
        assert score_of("crm-2").intent == score_at_once.intent


class TestGuards:
    def test_the_ledger_refuses_changes(self):
        score_signals(make_draft())

        with pytest.raises(DatabaseError), transaction.atomic():
            LedgerEntry.objects.update(mass=1)
        with pytest.raises(DatabaseError), transaction.atomic():
            LedgerEntry.objects.all()._raw_delete("default")

    @pytest.mark.parametrize("value", [float("nan"), -0.1, 100.1])
    def test_the_database_refuses_impossible_scores(self, value):
        score_signals(make_draft())

        with pytest.raises(DatabaseError), transaction.atomic():
            AccountContext.objects.update(intent_score=value)

    def test_nothing_to_score_is_no_error(self):
        add_work([])

        assert work() == 0
        assert selectors.list_accounts() == []
