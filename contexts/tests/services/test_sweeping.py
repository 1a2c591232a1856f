"""Time alone: bands fall when due and stored scores stay fresh."""

from datetime import timedelta

import pytest

from contexts.models import AccountContext, Crossing, ScoreBucket
from contexts.services.sweeping import sweep
from contexts.tests.factories import NOW, make_draft, score_of, score_signals
from revctx.eventbus.models import OutboxEvent

pytestmark = pytest.mark.django_db


def make_hot() -> AccountContext:
    score_signals(
        *[make_draft(kind) for kind in ("demo_requested", "meeting_booked", "trial_started", "email_reply")]
    )
    return AccountContext.objects.get()


class TestSweep:
    def test_the_band_falls_when_hot_until_has_passed(self):
        hot_until = make_hot().hot_until

        sweep(now=hot_until - timedelta(seconds=1))
        still = AccountContext.objects.get().band
        sweep(now=hot_until + timedelta(seconds=1))

        context = AccountContext.objects.get()
        assert (still, context.band, context.hot_until) == ("hot", "warm", None)
        assert list(Crossing.objects.order_by("version").values_list("direction", flat=True)) == [
            "up",
            "down",
        ]
        event = OutboxEvent.objects.filter(type="context.updated").order_by("-id").first()
        assert (event.data["old_band"], event.data["new_band"], event.data["direction"]) == (
            "hot",
            "warm",
            "down",
        )
        assert event.data["version"] == context.version

    def test_a_second_sweep_tells_nothing_new(self):
        now = make_hot().hot_until + timedelta(seconds=1)
        sweep(now=now)
        count = OutboxEvent.objects.count()

        sweep(now=now)

        assert OutboxEvent.objects.count() == count

    def test_an_account_goes_hot_again_only_above_the_full_threshold(self):
        hot_until = make_hot().hot_until
        sweep(now=hot_until + timedelta(seconds=1))

        score_signals(make_draft("page_view", occurred_at=hot_until), now=hot_until + timedelta(seconds=2))

        context = AccountContext.objects.get()
        assert 56 < context.intent_score < 70
        assert context.band == "warm"

    def test_a_refresh_brings_the_stored_score_to_the_present_without_news(self):
        make_hot()
        before, count = AccountContext.objects.get(), OutboxEvent.objects.count()
        later = NOW + timedelta(minutes=20)

        scored = sweep(now=later)

        after = AccountContext.objects.get()
        assert scored == 1
        assert after.intent_score == score_of(as_of=later).intent < before.intent_score
        assert (after.scored_at, after.version) == (later, before.version)
        assert OutboxEvent.objects.count() == count

    def test_a_move_of_a_point_is_published(self):
        make_hot()
        later = NOW + timedelta(days=1)

        sweep(now=later)

        event = OutboxEvent.objects.filter(type="context.updated").order_by("-id").first()
        assert (event.data["old_band"], event.data["new_band"]) == ("hot", "hot")
        assert event.data["intent"] == score_of(as_of=later).intent

    def test_after_the_cool_down_a_high_score_is_hot_again(self):
        make_hot()
        AccountContext.objects.update(band="warm", hot_until=None, crossed_at=NOW)
        cooled = NOW + timedelta(hours=4)

        sweep(now=cooled - timedelta(seconds=1))
        before = AccountContext.objects.get().band
        sweep(now=cooled + timedelta(minutes=1))

        context = AccountContext.objects.get()
        assert (before, context.band, context.crossed_at) == ("warm", "hot", cooled + timedelta(minutes=1))
        assert Crossing.objects.order_by("-version").first().direction == "up"

    def test_a_hot_account_that_loses_evidence_stays_for_its_dwell(self):
        row = make_hot()
        ScoreBucket.objects.exclude(type="demo_requested").delete()

        rescore_at = [NOW + timedelta(seconds=899), NOW + timedelta(seconds=901)]
        bands = []
        for now in rescore_at:
            AccountContext.objects.update(scored_at=NOW - timedelta(hours=1))
            sweep(now=now)
            bands.append(AccountContext.objects.get().band)

        assert row.crossed_at == NOW
        assert bands == ["hot", "warm"]
