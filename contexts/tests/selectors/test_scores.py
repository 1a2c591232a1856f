"""Scores now, as of a time, as known at a time, with and without Redis."""

from datetime import timedelta
from time import perf_counter

import pytest
from django_redis import get_redis_connection

from contexts import selectors
from contexts.contracts import AccountNotFound
from contexts.scoring import place
from contexts.selectors.scores import measure
from contexts.services.enrichment import record_enrichment
from contexts.services.ledger import LedgerRow, add_to_ledger
from contexts.services.rescoring import rescore
from contexts.services.sweeping import sweep
from contexts.tests.factories import NOW, make_draft, score_of, score_signals
from revctx.observability.metrics import CACHE_HITS, CACHE_MISSES
from signals.identifiers import new_signal_id

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def value(counter) -> float:
    return counter._value.get()


def account_id():
    return selectors.get_account_id("crm-1")


class TestGetScore:
    def test_points_sum_to_the_intent_exactly(self):
        score_signals(
            *[
                make_draft(kind, email="a@acme.example")
                for kind in ("page_view", "demo_requested", "email_reply")
            ]
        )

        score = score_of(as_of=NOW + timedelta(hours=7, microseconds=13))

        assert sum(c.points for c in score.contributions) == score.intent
        assert score.priority == score.intent * score.fit

    def test_as_of_sees_only_what_had_occurred(self):
        [old, _] = score_signals(
            make_draft("demo_requested", ago=10 * DAY), make_draft("demo_requested", ago=DAY)
        )

        past = score_of(as_of=NOW - 5 * DAY)

        assert [c.signal_ids for c in past.contributions] == [(old,)]
        assert past.intent < score_of(as_of=NOW - 10 * DAY).intent
        assert score_of(as_of=NOW - 20 * DAY).intent == 0

    def test_known_at_sees_only_what_was_recorded(self):
        score_signals(make_draft("demo_requested", ago=10 * DAY))
        before = score_of(as_of=NOW - 5 * DAY).intent
        later = NOW + DAY
        score_signals(make_draft("meeting_booked", ago=8 * DAY), now=later)

        then = selectors.get_score(account_id=account_id(), as_of=NOW - 5 * DAY, known_at=NOW)
        now = selectors.get_score(account_id=account_id(), as_of=NOW - 5 * DAY, known_at=later)

        assert then.intent == before < now.intent

    def test_what_is_asked_without_a_time_of_knowledge_is_known_now(self):
        score_signals(make_draft("demo_requested", ago=10 * DAY))

        score = selectors.get_score(account_id=account_id(), as_of=NOW - 5 * DAY, now=NOW)

        assert (score.as_of, score.known_at) == (NOW - 5 * DAY, NOW)

    def test_the_fit_is_by_what_was_known_of_the_company_then(self):
        score_signals(make_draft("demo_requested", ago=5 * DAY))
        for day, industry in ((1, "mining"), (2, "software")):
            record_enrichment(
                account_id=account_id(), provider="sandbox", facts={"industry": industry}, now=NOW + day * DAY
            )

        def industry_at(days: float) -> str:
            score = selectors.get_score(
                account_id=account_id(), as_of=NOW - DAY, known_at=NOW + timedelta(days=days)
            )
            return next(r["outcome"] for r in score.fit_reasons if r["field"] == "industry")

        assert [industry_at(days) for days in (0.5, 1.5, 2.5)] == ["unknown", "missed", "met"]
        assert score_of(as_of=NOW - DAY).fit_reasons[0]["outcome"] == "met"

    def test_a_warm_account_tells_when_it_turns_cold(self):
        score_signals(make_draft("demo_requested"))

        crossing = score_of().next_crossing

        assert (crossing.band, crossing.threshold) == ("cold", 28.0)
        assert score_of(as_of=crossing.at).intent >= 28.0 - 1e-5
        assert score_of(as_of=crossing.at + timedelta(seconds=1)).intent < 28.0

    def test_the_past_equals_the_present_of_then(self):
        drafts = [
            make_draft("page_view", ago=timedelta(hours=5 * n), email="a@acme.example") for n in range(1, 30)
        ]
        score_signals(*drafts)
        present = score_of().intent
        score_signals(make_draft("demo_requested", occurred_at=NOW + DAY), now=NOW + DAY)

        assert score_of(as_of=NOW).intent == present

    def test_hot_until_is_the_next_crossing(self):
        score_signals(
            *[
                make_draft(kind)
                for kind in ("demo_requested", "meeting_booked", "trial_started", "email_reply")
            ]
        )
        score = score_of()

        crossing = score.next_crossing
        assert (crossing.at, crossing.direction, crossing.threshold) == (score.hot_until, "down", 56.0)
        assert score_of(as_of=crossing.at - timedelta(seconds=1)).intent >= 56.0
        assert score_of(as_of=crossing.at + timedelta(seconds=1)).intent < 56.0

    def test_a_score_that_waits_for_the_end_of_its_cool_down_rises_next(self):
        kinds = ("demo_requested", "meeting_booked", "trial_started", "email_reply")
        score_signals(*[make_draft(kind, strength=3.0) for kind in kinds])
        lost, lifted = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
        score_signals(make_draft("opportunity_lost", occurred_at=lost), now=lost)
        score_signals(make_draft("opportunity_created", occurred_at=lifted), now=lifted)

        score = score_of(as_of=lifted)

        crossing = score.next_crossing
        assert (score.band, crossing.direction, crossing.band) == ("warm", "up", "hot")
        assert score.intent > crossing.threshold == 70.0
        assert score_of(as_of=crossing.at - timedelta(seconds=1)).band == "warm"
        sweep(now=crossing.at)
        assert score_of(as_of=crossing.at).band == "hot"

    def test_a_score_that_falls_below_before_its_cool_down_is_over_falls_next(self):
        kinds = ("demo_requested", "meeting_booked", "trial_started", "email_reply")
        score_signals(*[make_draft(kind) for kind in kinds])
        low = measure(account_id=account_id(), as_of=NOW).result.falls_below(70.0)
        lost, lifted = low - timedelta(hours=2), low - timedelta(hours=1)
        score_signals(make_draft("opportunity_lost", occurred_at=lost), now=lost)
        score_signals(make_draft("opportunity_created", occurred_at=lifted, strength=1e-6), now=lifted)

        score = score_of(as_of=lifted)

        assert score.intent > 70.0
        assert (score.next_crossing.direction, score.next_crossing.band) == ("down", "cold")

    def test_the_band_of_a_past_day_is_not_that_of_today(self):
        kinds = ("demo_requested", "meeting_booked", "trial_started", "email_reply")
        score_signals(*[make_draft(kind) for kind in kinds])
        hot_until = score_of().hot_until

        sweep(now=hot_until + DAY)

        assert score_of(as_of=hot_until + DAY).band != "hot"
        assert score_of(as_of=hot_until - timedelta(hours=1)).band == "hot"

    def test_an_unknown_account_is_an_error(self):
        with pytest.raises(AccountNotFound):
            selectors.get_score(account_id=new_signal_id(received_at=NOW), as_of=NOW)


class TestHotCopy:
    def test_the_second_read_hits_and_new_evidence_misses(self):
        score_signals(make_draft("demo_requested"))
        hits, misses = value(CACHE_HITS), value(CACHE_MISSES)

        first, second = score_of(), score_of()
        score_signals(make_draft("meeting_booked"))
        third = score_of()

        assert first == second
        assert third.intent > second.intent
        assert (value(CACHE_HITS) - hits, value(CACHE_MISSES) - misses) == (1, 2)

    def test_a_copy_answers_other_times_exactly(self):
        score_signals(make_draft("demo_requested", ago=2 * DAY), make_draft("page_view", ago=DAY))
        later = NOW + 3 * DAY
        fresh = score_of(as_of=later)

        score_of()

        assert score_of(as_of=later) == fresh

    def test_right_after_redis_was_flushed(self):
        score_signals(make_draft("demo_requested"))
        before = score_of()

        get_redis_connection("default").flushall()

        assert score_of() == before


class TestManyRows:
    def test_an_account_with_15000_signals_is_read_quickly(self):
        score_signals(make_draft("page_view", ago=400 * DAY))
        configs, owner_id = selectors.get_active(), account_id()
        rows = []
        for n in range(15_000):
            at = NOW - timedelta(minutes=20 * n)
            bucket = place(
                signal_type="page_view", stage="", person="", occurred_at=at, strength=1, decay=configs.decay
            )
            rows.append(
                LedgerRow(
                    signal_id=new_signal_id(received_at=NOW),
                    account_id=owner_id,
                    subject_id=None,
                    occurred_at=at,
                    strength=1.0,
                    recorded_at=NOW,
                    bucket=bucket,
                )
            )
        add_to_ledger(rows=rows, decay_id=configs.decay_id)
        rescore(account_ids=[owner_id], configs=configs, now=NOW, changed=[owner_id])

        started = perf_counter()
        score = score_of()
        past = score_of(as_of=NOW - 90 * DAY)
        history = selectors.get_history(account_id=account_id(), since=NOW - 30 * DAY, until=NOW)
        elapsed = perf_counter() - started

        assert score.contributions[0].signal_count == 15_001
        assert len(score.contributions[0].signal_ids) == 20
        assert past.intent > 0
        assert len(history) == 60
        assert elapsed < 5  # about 0.3 s on a quiet machine


class TestGetHistory:
    def test_its_points_are_the_scores_as_of_their_times(self):
        score_signals(
            *[make_draft("demo_requested", ago=n * DAY) for n in (1, 4, 9)],
            make_draft("opportunity_lost", ago=2 * DAY),
        )

        history = selectors.get_history(account_id=account_id(), since=NOW - 12 * DAY, until=NOW, points=13)

        assert [at for at, _ in history] == [NOW - n * DAY for n in range(12, -1, -1)]
        assert [intent for _, intent in history] == [score_of(as_of=at).intent for at, _ in history]
        assert history[0][1] == 0


def test_a_past_warm_band_below_the_threshold_reads_cold():
    score_signals(make_draft("demo_requested"))  # 43 points
    later = NOW + 7 * DAY
    sweep(now=later)
    assert 28 < score_of(as_of=later).intent < 35
    assert score_of(as_of=later).band == "warm"

    sweep(now=later + DAY)

    assert score_of(as_of=later).band == "cold"  # only crossings of the hot band are kept
