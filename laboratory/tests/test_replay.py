"""Replays without a database: who crosses, when, and that nothing else matters."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from contexts import scoring
from contexts.scoring import DecayConfigData, WeightConfigData
from laboratory.arm import Window
from laboratory.manifest import ReplayedSignal
from laboratory.replay import ReplayResult, replay
from laboratory.report import build_report, canonical_json
from laboratory.tests.configs import DAY, make_config

START = datetime(2026, 1, 1, tzinfo=UTC)
OPEN_WINDOW = Window(None, START + timedelta(days=400))


def signal(number: int, day: float, *, account: str = "a", late: float = 0, kind: str = "demo_requested"):
    occurred = START + timedelta(days=day)
    return ReplayedSignal(
        id=f"s{number:04}",
        account_id=account,
        type=kind,
        stage="",
        person="",
        occurred_at=occurred,
        at=occurred + timedelta(days=late),
        strength=1.0,
    )


def run(signals, champion=None, challenger=None, window: Window = OPEN_WINDOW) -> ReplayResult:
    champion = champion or make_config()
    return replay(
        signals=sorted(signals, key=lambda one: (one.at, one.id)),
        champion=champion,
        challenger=challenger or champion,
        window=window,
        report=lambda done: None,
    )


def report_of(result: ReplayResult) -> bytes:
    report = build_report(
        champion=result.champion,
        challenger=result.challenger,
        advances=result.advances,
        peaks=result.peaks,
        known_at=OPEN_WINDOW.end,
        k=5,
        seed=1,
        resamples=50,
    )
    return canonical_json(report)


# Two requests of account a close together, three of b far apart.
HISTORY = [
    signal(1, 0),
    signal(2, 1),
    signal(3, 0, account="b"),
    signal(4, 9, account="b"),
    signal(5, 18, account="b"),
]


class TestCrossings:
    def test_evidence_close_together_crosses_and_far_apart_does_not(self):
        result = run(HISTORY)

        assert [found.signal_id for found in result.champion] == ["s0002"]
        assert result.champion[0].intent >= 72

    def test_a_longer_half_life_makes_another_account_cross(self):
        result = run(HISTORY, challenger=make_config(half_life=60 * DAY))

        assert {found.account_id for found in result.champion} == {"a"}
        assert {found.account_id for found in result.challenger} == {"a", "b"}

    def test_a_change_that_changes_nothing_gives_the_same_bytes(self):
        plain = report_of(run(HISTORY))
        renumbered = make_config()
        renumbered["decay"]["version"] = renumbered["weight"]["version"] = 99

        assert report_of(run(HISTORY, challenger=renumbered)) == plain

    def test_while_hot_an_account_does_not_cross_again(self):
        result = run([signal(n, n) for n in range(6)])

        assert len(result.champion) == 1

    def test_once_it_cooled_off_it_crosses_again(self):
        result = run([signal(1, 0), signal(2, 1), signal(3, 100), signal(4, 101)])

        assert [found.signal_id for found in result.champion] == ["s0002", "s0004"]

    def test_the_same_signal_twice_counts_once(self):
        twice = [signal(1, 0), signal(1, 0), signal(2, 0.5)]

        assert run(twice).champion == run([signal(1, 0), signal(2, 0.5)]).champion

    def test_crossings_outside_the_window_do_not_count_but_their_signals_do(self):
        window = Window(START + timedelta(days=0.9), START + timedelta(days=2))

        result = run([signal(1, 0), signal(2, 1), signal(3, 100), signal(4, 101)], window=window)

        assert [found.signal_id for found in result.champion] == ["s0002"]


class TestKnowledge:
    def test_a_signal_that_arrived_late_decides_when_it_arrived(self):
        result = run([signal(1, 0), signal(2, 1, late=2)], champion=make_config(half_life=60 * DAY))

        assert result.champion[0].at == START + timedelta(days=3)

    def test_the_score_is_that_of_scoring_itself(self):
        result = run([signal(1, 0), signal(2, 1)])

        config = make_config()
        decay = DecayConfigData.from_dict(config["decay"])
        weight = WeightConfigData.from_dict(config["weight"])
        buckets = [
            scoring.place(
                signal_type=one.type,
                stage="",
                person="",
                occurred_at=one.occurred_at,
                strength=1.0,
                decay=decay,
            )
            for one in (signal(1, 0), signal(2, 1))
        ]
        score = scoring.score(buckets, decay=decay, weight=weight, at=START + timedelta(days=1))
        assert result.champion[0].intent == score.intent

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(min_value=0, max_value=60), min_size=1, max_size=15), st.data())
    def test_the_future_never_changes_the_past(self, days, data):
        signals = [signal(n, day, account=f"a{n % 3}") for n, day in enumerate(days)]
        cut = START + timedelta(days=data.draw(st.integers(min_value=0, max_value=60)))

        whole = run(signals).champion
        known = run([one for one in signals if one.at <= cut]).champion

        assert [found for found in whole if found.at <= cut] == known


class TestManifest:
    def digest(self, signals) -> str:
        return run(signals).digest.hexdigest

    def test_it_names_range_and_count(self):
        described = run(HISTORY).digest.describe()

        assert described["count"] == 5
        assert described["accounts"] == 2
        assert (described["first"]["id"], described["last"]["id"]) == ("s0001", "s0005")

    def test_the_same_signals_give_the_same_digest(self):
        assert self.digest(HISTORY) == self.digest(list(reversed(HISTORY)))

    def test_one_signal_less_gives_another(self):
        assert self.digest(HISTORY[:-1]) != self.digest(HISTORY)

    def test_any_changed_field_gives_another(self):
        first, *rest = HISTORY
        changed = [
            first._replace(account_id="z"),
            first._replace(type="page_view"),
            first._replace(stage="demo_scheduled"),
            first._replace(person="p"),
            first._replace(strength=2.0),
            first._replace(occurred_at=first.occurred_at - timedelta(microseconds=1)),
        ]

        digests = {self.digest([one, *rest]) for one in [first, *changed]}

        assert len(digests) == len(changed) + 1
